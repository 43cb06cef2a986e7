import { Migration } from '@mikro-orm/migrations';
import { type AuditedTable, auditTable } from './audited-table.ts';

/** The fields of Migration20261130051500_audit. */
const FORMER_FIELDS = {
  email: '$.email',
  display_name: '$.display_name',
  role: '$.role',
  plan: `'plans/' || $.plan_id`,
  disabled: '$.disabled',
  disable_reason: '$.disable_reason',
  block_expire_time: 'audit_time($.block_expire_time)',
  block_reason: '$.block_reason',
  email_verified: '$.email_verified',
  delete_time: 'audit_time($.delete_time)',
};

const FORMER_ACCOUNT: AuditedTable = {
  table: 'account',
  resource: `'accounts/' || $.id`,
  account: '$.id',
  fields: FORMER_FIELDS,
  secrets: { password: '$.password_hash' },
  deletedWhen: 'old.delete_time is null',
};

const ACCOUNT: AuditedTable = { ...FORMER_ACCOUNT, fields: { ...FORMER_FIELDS, pending_email: '$.pending_email' } };

const ONE_TIME_TOKEN: AuditedTable = {
  table: 'one_time_token',
  resource: `'accounts/' || $.account_id`,
  account: '$.account_id',
  fields: {
    token_kind: '$.kind',
    token_email: '$.email',
    token_expire_time: 'audit_time($.expire_time)',
    token_use_time: 'audit_time($.use_time)',
  },
  // An expired token is deleted without an effect, another one by the change that makes it useless.
  deletedWhen: 'false',
};

/** Adds what sign-up and self-service need: addresses to verify, one-time tokens, and where a session comes from. */
export class Migration20261130054500_sign_up extends Migration {
  override up(): void {
    this.addSql(`
      alter table account
        add column pending_email text,
        add column verify_before_time timestamptz`);
    this.addSql(
      `create index account_verify_before_time on account (verify_before_time) where verify_before_time is not null`,
    );
    this.addSql(`
      create table one_time_token (
        token_digest bytea primary key,
        kind text not null,
        account_id text not null references account (id) on delete cascade,
        email text,
        expire_time timestamptz not null,
        use_time timestamptz,
        create_time timestamptz not null
      )`);
    this.addSql(`create index one_time_token_account_id on one_time_token (account_id, kind)`);
    this.addSql(`create index one_time_token_expire_time on one_time_token (expire_time)`);
    for (const statement of [ACCOUNT, ONE_TIME_TOKEN].flatMap(auditTable)) this.addSql(statement);
    this.addSql(`
      alter table session
        add column peer text not null default '',
        add column user_agent text not null default '',
        add column last_refresh_time timestamptz`);
  }

  override down(): void {
    this.addSql(`alter table session drop column peer, drop column user_agent, drop column last_refresh_time`);
    for (const statement of auditTable(FORMER_ACCOUNT)) this.addSql(statement);
    this.addSql(`drop table one_time_token`);
    this.addSql(`drop function audit_one_time_token(), audit_statement_one_time_token()`);
    this.addSql(`alter table account drop column pending_email, drop column verify_before_time`);
  }
}
