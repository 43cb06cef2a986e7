import { Migration } from '@mikro-orm/migrations';
import { type AuditedTable, auditTable } from './audited-table.ts';

const PLAN_CHANGE: AuditedTable = {
  table: 'scheduled_plan_change',
  resource: '$.target',
  account: '$.account_id',
  fields: {
    scheduled_plan: `'plans/' || $.plan_id`,
    // In parentheses, because PL/pgSQL would take the first `then` for its own.
    counters: `(case when $.reset_counters then 'RESET' else 'KEEP' end)`,
    effective_time: `audit_time($.effective_time)`,
  },
};

/** Adds the changes of plans that are scheduled, at most one for each account and API key. */
export class Migration20261130105500_plan_changes extends Migration {
  override up(): void {
    this.addSql(`
      create table scheduled_plan_change (
        target text primary key,
        account_id text not null references account (id) on delete cascade,
        api_key_id text references api_key (id) on delete cascade,
        plan_id text not null references plan (id),
        reset_counters boolean not null,
        effective_time timestamptz not null,
        create_time timestamptz not null
      )`);
    this.addSql(`create index scheduled_plan_change_account_id on scheduled_plan_change (account_id)`);
    this.addSql(`create index scheduled_plan_change_api_key_id on scheduled_plan_change (api_key_id)`);
    this.addSql(`create index scheduled_plan_change_plan_id on scheduled_plan_change (plan_id)`);
    this.addSql(`create index scheduled_plan_change_effective_time on scheduled_plan_change (effective_time)`);
    for (const statement of auditTable(PLAN_CHANGE)) this.addSql(statement);
  }

  override down(): void {
    this.addSql(`drop table scheduled_plan_change`);
    this.addSql(`drop function audit_scheduled_plan_change()`);
    this.addSql(`drop function audit_statement_scheduled_plan_change()`);
  }
}
