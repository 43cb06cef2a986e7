import { Migration } from '@mikro-orm/migrations';

/** Adds the shares of limits that were reached, so that many nodes report each of them once. */
export class Migration20261130113000_limit_thresholds extends Migration {
  override up(): void {
    this.addSql(`
      create table limit_threshold (
        id bigint generated always as identity primary key,
        subject text not null,
        counter text not null,
        threshold integer not null,
        period_end bigint not null,
        crossed_at bigint not null,
        low_at bigint,
        used bigint not null,
        requests bigint not null,
        create_time timestamptz not null,
        unique (subject, counter, threshold, period_end)
      )`);
    this.addSql(`create index limit_threshold_create_time on limit_threshold (create_time)`);
    // Finds the key of a counter.
    this.addSql(`create index api_key_counter_id on api_key (counter_id)`);
  }

  override down(): void {
    this.addSql(`drop index api_key_counter_id`);
    this.addSql(`drop table limit_threshold`);
  }
}
