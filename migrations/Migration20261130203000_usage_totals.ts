import { Migration } from '@mikro-orm/migrations';

const COUNTS = ['allowed', 'rate_limited', 'quota_exceeded', 'denied', 'hits'];
const SUMS = COUNTS.map((count) => `sum(${count})`).join(', ');
const COLUMNS = ['plan_id', 'route', ...COUNTS].join(', ');

/** Rows of one partition whose index is built within the timeout of statements. */
const MAX_INDEXED_BYTES = 2 ** 30;

/** Adds the usage of all accounts together, and how far it is added up. */
export class Migration20261130203000_usage_totals extends Migration {
  override up(): void {
    for (const unit of ['hour', 'day', 'month']) {
      this.addSql(`
        create table usage_total_${unit} (
          ${unit} timestamptz not null,
          plan_id text collate "C" not null,
          route text collate "C" not null,
          ${COUNTS.map((count) => `${count} bigint not null`).join(', ')},
          primary key (${unit}, plan_id, route)
        )`);
    }
    // The days before it have totals. Those that were rolled up before this migration get theirs by and by.
    this.addSql(`alter table usage_state add column totaled_until timestamptz`);
    this.addSql(`
      update usage_state set totaled_until =
        least(rolled_until, (select min(start) from time_partitions('usage_month', 'month')))`);
    this.addSql(`alter table usage_state alter column totaled_until set not null`);
    // A day that is rolled up never changes, nor does a month once its last day is rolled up.
    this.addSql(`
      create function add_usage_totals() returns timestamptz language plpgsql set timezone = 'UTC' as $$
      declare
        day_start timestamptz;
        day_end timestamptz;
        month_start timestamptz;
      begin
        select totaled_until into day_start from usage_state where totaled_until < rolled_until for no key update;
        if not found then
          return null;
        end if;
        day_end := day_start + interval '1 day';
        insert into usage_total_hour (hour, ${COLUMNS})
        select hour, plan_id, route, ${SUMS} from usage_hour where hour >= day_start and hour < day_end
        group by hour, plan_id, route;
        insert into usage_total_day (day, ${COLUMNS})
        select day, plan_id, route, ${SUMS} from usage_day where day = day_start group by day, plan_id, route;
        month_start := date_trunc('month', day_start, 'UTC');
        if date_trunc('month', day_end, 'UTC') > month_start then
          insert into usage_total_month (month, ${COLUMNS})
          select month, plan_id, route, ${SUMS} from usage_month where month = month_start group by month, plan_id, route;
        end if;
        update usage_state set totaled_until = day_end;
        return day_start;
      end $$`);
    // A day of UTC, also if the time zone of the database has another time in summer.
    this.addSql(`alter function roll_up_usage() set timezone = 'UTC'`);
    // To find the hours of all accounts that are not rolled up. Rows are written in the order of their hours, so it stays small.
    this.addSql(`create index usage_hour_time on only usage_hour using brin (hour)`);
    this.addSql(`
      do $$
      declare
        partition text;
      begin
        for partition in select name from time_partitions('usage_hour', 'month') loop
          if pg_relation_size(partition::regclass) < ${MAX_INDEXED_BYTES} then
            execute format('create index %I on %I using brin (hour)', partition || '_time', partition);
            execute format('alter index usage_hour_time attach partition %I', partition || '_time');
          end if;
        end loop;
      end $$`);
  }

  override down(): void {
    this.addSql(`drop index usage_hour_time`);
    this.addSql(`alter function roll_up_usage() reset timezone`);
    this.addSql(`drop function add_usage_totals()`);
    this.addSql(`alter table usage_state drop column totaled_until`);
    for (const unit of ['hour', 'day', 'month']) this.addSql(`drop table usage_total_${unit}`);
  }
}
