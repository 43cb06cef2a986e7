import { Migration } from '@mikro-orm/migrations';
import { type AuditedTable, auditTable, stopAuditing } from './audited-table.ts';

const PLAN: AuditedTable = {
  table: 'plan',
  resource: `'plans/' || $.id`,
  fields: { display_name: '$.display_name', limits: '$.limits', features: '$.features' },
};

const DEVICE: AuditedTable = {
  table: 'device',
  resource: `case when $.account_id = '' then '' else 'accounts/' || $.account_id || '/' end || 'devices/' || split_part($.id, '/', 2)`,
  account: `nullif($.account_id, '')`,
  fields: { display_name: '$.display_name', blocked: '$.blocked', block_reason: '$.block_reason' },
  // Check registers devices, and a job deletes some. Neither happens in a call.
  unless: `tg_op <> 'UPDATE' and not $.blocked and
    coalesce(nullif(current_setting('weir.call', true), '')::jsonb->>'method', '') = ''`,
};

/** Adds the registry of devices, and how many of them a plan allows. */
export class Migration20261130051600_devices extends Migration {
  override up(): void {
    this.addSql(`alter table plan add column max_devices integer not null default 0`);
    this.#addPlanTrigger('id, limits, features, max_devices');
    this.#audit({ ...PLAN, fields: { ...PLAN.fields, max_devices: 'nullif($.max_devices, 0)' } });
    // Check writes the counts and times of use in batches. They change neither the version nor the update time.
    this.addSql(`
      create table device (
        id text primary key,
        account_id text not null,
        display_name text not null default '',
        blocked boolean not null default false,
        block_reason text not null default '',
        blocked_by_admin boolean not null default false,
        request_count bigint not null default 0,
        attempt_count bigint not null default 0,
        first_seen_time timestamptz,
        last_seen_time timestamptz,
        last_attempt_time timestamptz,
        version integer not null default 1,
        create_time timestamptz not null,
        update_time timestamptz not null
      )`);
    this.addSql(`create index device_account_id on device (account_id, id)`);
    this.addSql(`
      create trigger device_change after insert or delete or update of id, blocked, create_time on device
      for each row execute function record_catalog_change()`);
    this.#audit(DEVICE);
  }

  override down(): void {
    for (const statement of stopAuditing('device')) this.addSql(statement);
    this.addSql(`drop table device`);
    this.#audit(PLAN);
    this.#addPlanTrigger('id, limits, features');
    this.addSql(`alter table plan drop column max_devices`);
  }

  #audit(table: AuditedTable): void {
    for (const statement of auditTable(table)) this.addSql(statement);
  }

  #addPlanTrigger(columns: string): void {
    this.addSql(`drop trigger plan_change on plan`);
    this.addSql(`
      create trigger plan_change after insert or delete or update of ${columns} on plan
      for each row execute function record_catalog_change()`);
  }
}
