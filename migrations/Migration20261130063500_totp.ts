import { Migration } from '@mikro-orm/migrations';
import { type AuditedTable, auditTable } from './audited-table.ts';

/** As Migration20261130054500_sign_up records accounts. */
const FORMER_ACCOUNT = {
  table: 'account',
  resource: `'accounts/' || $.id`,
  account: '$.id',
  fields: {
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
    pending_email: '$.pending_email',
  },
  secrets: { password: '$.password_hash' },
  deletedWhen: 'old.delete_time is null',
} satisfies AuditedTable;

const ACCOUNT: AuditedTable = {
  ...FORMER_ACCOUNT,
  fields: { ...FORMER_ACCOUNT.fields, totp_enabled: '($.totp_enable_time is not null)' },
  secrets: { ...FORMER_ACCOUNT.secrets, totp_secret: '$.sealed_totp_secret' },
};

/** Adds the second factor of accounts. */
export class Migration20261130063500_totp extends Migration {
  override up(): void {
    this.addSql(`
      alter table account
        add column sealed_totp_secret text,
        add column totp_enable_time timestamptz,
        add column totp_last_step integer`);
    for (const statement of auditTable(ACCOUNT)) this.addSql(statement);
  }

  override down(): void {
    for (const statement of auditTable(FORMER_ACCOUNT)) this.addSql(statement);
    this.addSql(`
      alter table account
        drop column sealed_totp_secret,
        drop column totp_enable_time,
        drop column totp_last_step`);
  }
}
