import { Migration } from '@mikro-orm/migrations';

/**
 * Adds the indexes for the list of the devices of all accounts. The days are columns of their own: Check writes the times
 * about once a minute, and an index on them would make each of these writes expensive.
 */
export class Migration20261130160500_device_lists extends Migration {
  override up(): void {
    this.addSql(`
      alter table device
        add column last_seen_day date generated always as ((last_seen_time at time zone 'UTC')::date) stored,
        add column last_attempt_day date generated always as ((last_attempt_time at time zone 'UTC')::date) stored`);
    this.addSql(`create index device_of_accounts on device (id) where account_id <> ''`);
    this.addSql(`create index device_blocked on device (id) where blocked and account_id <> ''`);
    this.addSql(`create index device_display_name on device (display_name, id) where account_id <> ''`);
    this.addSql(`create index device_last_seen_day on device (last_seen_day)`);
    this.addSql(`create index device_last_attempt_day on device (last_attempt_day)`);
    this.addSql(`analyze device`);
  }

  override down(): void {
    for (const index of ['of_accounts', 'blocked', 'display_name']) this.addSql(`drop index device_${index}`);
    this.addSql(`alter table device drop column last_seen_day, drop column last_attempt_day`);
  }
}
