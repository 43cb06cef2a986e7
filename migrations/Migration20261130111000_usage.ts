import { Migration } from '@mikro-orm/migrations';

/** The order of the keys is the order in which rows are locked. The collation makes it the same everywhere. */
const DIMENSIONS = `
  api_key_id text collate "C" not null,
  plan_id text collate "C" not null,
  route text collate "C" not null`;

const COUNTS = `
  allowed bigint not null,
  rate_limited bigint not null,
  quota_exceeded bigint not null,
  denied bigint not null,
  hits bigint not null`;

/** Adds the usage of accounts by hour, day and month. */
export class Migration20261130111000_usage extends Migration {
  override up(): void {
    for (const unit of ['hour', 'day', 'month']) {
      this.addSql(`
        create table usage_${unit} (
          account_id text collate "C" not null,
          ${unit} timestamptz not null,
          ${DIMENSIONS},
          ${COUNTS},
          primary key (account_id, ${unit}, api_key_id, plan_id, route)
        ) partition by range (${unit})`);
      this.addSql(`select create_time_partitions('usage_${unit}', 'month', now(), 4)`);
    }
    // Usage of hours that were added to their day before it arrived. The hours, days and months stay as they are.
    this.addSql(`
      create table usage_correction (
        account_id text collate "C" not null,
        hour timestamptz not null,
        ${DIMENSIONS},
        record_time timestamptz not null,
        ${COUNTS},
        primary key (account_id, hour, api_key_id, plan_id, route, record_time)
      ) partition by range (record_time)`);
    this.addSql(`select create_time_partitions('usage_correction', 'month', now(), 4)`);
    // One row per process that has written usage. Its flushes are written in the order of their sequence.
    this.addSql(`
      create table usage_node (
        id text primary key,
        sequence bigint not null,
        update_time timestamptz not null
      )`);
    // All hours before `rolled_until` were added to their days and months.
    this.addSql(`
      create table usage_state (
        id boolean primary key default true check (id),
        rolled_until timestamptz not null
      )`);
    this.addSql(`insert into usage_state (rolled_until) values (date_trunc('day', now(), 'UTC'))`);
    this.addSql(`
      create function first_usage_hour() returns timestamptz language sql stable as $$
        select min(start) from time_partitions('usage_hour', 'month')
      $$`);
  }

  override down(): void {
    this.addSql(`drop function first_usage_hour()`);
    for (const table of ['state', 'node', 'correction', 'month', 'day', 'hour'])
      this.addSql(`drop table usage_${table}`);
  }
}
