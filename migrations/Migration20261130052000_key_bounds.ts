import { Migration } from '@mikro-orm/migrations';
import { type AuditedTable, auditTable } from './audited-table.ts';

const PLAN: AuditedTable = {
  table: 'plan',
  resource: `'plans/' || $.id`,
  fields: {
    display_name: '$.display_name',
    limits: '$.limits',
    features: '$.features',
    max_devices: 'nullif($.max_devices, 0)',
  },
};

const API_KEY: AuditedTable = {
  table: 'api_key',
  resource: `'apiKeys/' || $.id`,
  account: '$.account_id',
  fields: {
    display_name: '$.display_name',
    account: `'accounts/' || $.account_id`,
    plan: `'plans/' || $.plan_id`,
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
};

/** Adds the number of keys that a plan allows, and the successors of rotated keys. */
export class Migration20261130052000_key_bounds extends Migration {
  override up(): void {
    // Plans of earlier versions stay without a bound: accounts may have more keys than any new one would allow.
    this.addSql(`alter table plan add column max_api_keys integer not null default 0`);
    this.#audit({ ...PLAN, fields: { ...PLAN.fields, max_api_keys: 'nullif($.max_api_keys, 0)' } });
    // Not a foreign key, so that rows of keys deleted long ago can be removed in any order.
    this.addSql(`alter table api_key add column successor_id text`);
    this.#audit({ ...API_KEY, fields: { ...API_KEY.fields, successor: `'apiKeys/' || $.successor_id` } });
  }

  override down(): void {
    this.#audit(API_KEY);
    this.addSql(`alter table api_key drop column successor_id`);
    this.#audit(PLAN);
    this.addSql(`alter table plan drop column max_api_keys`);
  }

  #audit(table: AuditedTable): void {
    for (const statement of auditTable(table)) this.addSql(statement);
  }
}
