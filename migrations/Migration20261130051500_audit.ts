import { Migration } from '@mikro-orm/migrations';
import { type AuditedTable, auditTable, stopAuditing } from './audited-table.ts';

const PLAN_OF_ROW = `'plans/' || $.plan_id`;

/** An event belongs to what it names, so the columns that only the database or the clock writes are left out. */
const TABLES: readonly AuditedTable[] = [
  {
    table: 'plan',
    resource: `'plans/' || $.id`,
    fields: { display_name: '$.display_name', limits: '$.limits', features: '$.features' },
  },
  {
    table: 'account',
    resource: `'accounts/' || $.id`,
    account: '$.id',
    fields: {
      email: '$.email',
      display_name: '$.display_name',
      role: '$.role',
      plan: PLAN_OF_ROW,
      disabled: '$.disabled',
      disable_reason: '$.disable_reason',
      block_expire_time: 'audit_time($.block_expire_time)',
      block_reason: '$.block_reason',
      email_verified: '$.email_verified',
      delete_time: 'audit_time($.delete_time)',
    },
    secrets: { password: '$.password_hash' },
    // The rows of accounts and keys that were deleted long ago are purged.
    deletedWhen: 'old.delete_time is null',
  },
  {
    table: 'api_key',
    resource: `'apiKeys/' || $.id`,
    account: '$.account_id',
    fields: {
      display_name: '$.display_name',
      account: `'accounts/' || $.account_id`,
      plan: PLAN_OF_ROW,
      allowed_networks: '$.allowed_networks',
      limits: '$.limits',
      features: '$.features',
      disabled: '$.disabled',
      expire_time: 'audit_time($.expire_time)',
      overlap_end_time: 'audit_time($.overlap_end_time)',
      delete_time: 'audit_time($.delete_time)',
      imported: '$.imported',
    },
    secrets: { secret: '$.digest' },
    deletedWhen: 'old.delete_time is null',
  },
  {
    table: 'issuer',
    resource: `'issuers/' || $.id`,
    fields: {
      display_name: '$.display_name',
      issuer: '$.issuer',
      issuer_aliases: '$.issuer_aliases',
      audiences: '$.audiences',
      audience_claim: '$.audience_claim',
      required_claims: '$.required_claims',
      algorithms: '$.algorithms',
      jwks: '$.jwks',
      jwks_uri: '$.jwks_uri',
      insecure_http: '$.insecure_http',
      claims: '$.claims',
      default_plan: `'plans/' || $.default_plan_id`,
      catalog_accounts: '$.catalog_accounts',
      disabled: '$.disabled',
    },
  },
  {
    table: 'signing_key',
    resource: `'signingKeys/' || $.id`,
    fields: {
      algorithm: '$.algorithm',
      public_key: '$.public_jwk',
      activate_time: 'audit_time($.activate_time)',
      expire_time: 'audit_time($.expire_time)',
    },
    // `private_jwk` is null since keys are sealed.
    secrets: { private_key: '$.sealed_jwk', plaintext_private_key: '$.private_jwk' },
  },
  {
    table: 'revocation',
    resource: `case when $.issuer_id is null then '' else 'issuers/' || $.issuer_id || '/' end || $.kind || 's/' || $.value`,
    account: `case when $.kind = 'account' and $.issuer_id is null then $.value end`,
    fields: {
      tokens_issued_before: 'audit_time($.issued_before)',
      revoked_until: 'audit_time($.expire_time)',
    },
    // The event of a session says that it has ended.
    unless: `$.kind = 'session' and exists (select from session where id = $.value and end_time is not null)`,
    // Without effect otherwise, and then pruned.
    deletedWhen: 'old.expire_time > now()',
  },
  {
    table: 'issued_token',
    resource: `'tokens/' || $.id`,
    fields: {
      account: '$.account',
      role: '$.role',
      issued_by: '$.issued_by',
      expire_time: 'audit_time($.expire_time)',
    },
    // A row is deleted when the token expires or is revoked, and the revocation has an event.
    deletedWhen: 'false',
  },
  {
    table: 'session',
    resource: `'accounts/' || $.account_id || '/sessions/' || $.id`,
    account: '$.account_id',
    fields: { end_time: 'audit_time($.end_time)' },
    deletedWhen: 'old.end_time is null and old.expire_time > now()',
  },
];

/** Adds the audit events: triggers write one for each changed resource, in the transaction of the change. */
export class Migration20261130051500_audit extends Migration {
  override up(): void {
    this.#addTable();
    this.#addPartitioning();
    this.addSql(`select create_audit_partitions(now(), 7)`);
    for (const statement of TABLES.flatMap(auditTable)) this.addSql(statement);
  }

  override down(): void {
    for (const { table } of TABLES) for (const statement of stopAuditing(table)) this.addSql(statement);
    this.addSql(`drop table audit_event`);
    for (const name of [
      'create_audit_partitions(timestamptz, integer)',
      'reject_audit_change()',
      'audit_event_id(timestamptz)',
      'first_audit_event_id(timestamptz)',
      'audit_time(timestamptz)',
    ]) {
      this.addSql(`drop function ${name}`);
    }
  }

  /** The ids are UUIDs of version 7, which begin with the time. So they are the key, the order and the partition at once. */
  #addTable(): void {
    this.addSql(`
      create table audit_event (
        id uuid primary key,
        create_time timestamptz not null,
        actor text not null,
        actor_kind text not null,
        session text not null,
        peer text not null,
        request_id text not null,
        method text not null,
        resource text not null,
        account_id text,
        result text not null,
        changes jsonb not null
      ) partition by range (id)`);
    for (const column of ['actor', 'resource', 'method']) {
      this.addSql(`create index audit_event_${column} on audit_event (${column}, id)`);
    }
    this.addSql(`create index audit_event_account_id on audit_event (account_id, id) where account_id is not null`);
    this.addSql(`create index audit_event_result on audit_event (result, id) where result <> 'OK'`);
    this.addSql(`
      create function audit_event_id(at timestamptz) returns uuid language sql volatile as $$
        -- 48 bits of milliseconds, the version 7, 12 bits of the fraction of the millisecond, the variant, random bits
        select encode(
          substring(int8send(floor(extract(epoch from at) * 1000)::bigint) from 3)
            || substring(int8send(x'7000'::bigint + extract(microseconds from at)::bigint % 1000 * 4096 / 1000) from 7)
            || set_bit(set_bit(substring(uuid_send(gen_random_uuid()) from 9), 7, 1), 6, 0), 'hex')::uuid
      $$`);
    this.addSql(`
      create function first_audit_event_id(at timestamptz) returns uuid language sql immutable as $$
        select encode(substring(int8send((extract(epoch from at) * 1000)::bigint) from 3) || '\\x70008000000000000000', 'hex')::uuid
      $$`);
    this.addSql(`
      create function audit_time(moment timestamptz) returns text language sql stable as $$
        select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
      $$`);
    this.addSql(`
      create function reject_audit_change() returns trigger language plpgsql as $$
      begin
        raise exception 'audit events cannot be changed or deleted';
      end $$`);
    this.addSql(`
      create trigger audit_event_change before update or delete on audit_event
      for each row execute function reject_audit_change()`);
    this.addSql(`
      create trigger audit_event_truncate before truncate on audit_event
      for each statement execute function reject_audit_change()`);
  }

  /** Attaching a table, other than creating it as a partition, does not wait for those who read and write events. */
  #addPartitioning(): void {
    this.addSql(`
      create function create_audit_partitions(start timestamptz, months integer) returns void language plpgsql as $$
      declare
        month timestamp := date_trunc('month', start at time zone 'UTC');
        is_first boolean := not exists (select from pg_inherits where inhparent = 'audit_event'::regclass);
        name text;
      begin
        for index in 0 .. months - 1 loop
          name := 'audit_event_' || to_char(month, 'YYYYMM');
          if to_regclass(name) is null then
            execute format('create table %I (like audit_event including all)', name);
            execute format('create trigger audit_event_truncate before truncate on %I
              for each statement execute function reject_audit_change()', name);
            execute format('alter table audit_event attach partition %I for values from (%s) to (%L)', name,
              case when is_first and index = 0 then 'minvalue'
                else quote_literal(first_audit_event_id(month at time zone 'UTC')) end,
              first_audit_event_id((month + interval '1 month') at time zone 'UTC'));
          end if;
          month := month + interval '1 month';
        end loop;
      end $$`);
  }
}
