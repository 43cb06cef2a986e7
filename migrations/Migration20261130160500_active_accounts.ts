import { Migration } from '@mikro-orm/migrations';

/** Adds the number of accounts that were active this day and month, as one node has counted it for all. */
export class Migration20261130160500_active_accounts extends Migration {
  override up(): void {
    this.addSql(`
      create table usage_activity (
        id boolean primary key default true check (id),
        claim_time timestamptz not null default '-infinity',
        count_duration interval not null default '0 s',
        day_accounts bigint,
        month_accounts bigint
      )`);
    this.addSql(`insert into usage_activity default values`);
  }

  override down(): void {
    this.addSql(`drop table usage_activity`);
  }
}
