import { Migration } from '@mikro-orm/migrations';

const COUNTS = ['allowed', 'rate_limited', 'quota_exceeded', 'denied', 'hits'];
const SUMS = COUNTS.map((count) => `sum(${count})`).join(', ');
const ADDITIONS = COUNTS.map((count) => `${count} = kept.${count} + excluded.${count}`).join(', ');
const DIMENSIONS = 'api_key_id, plan_id, route';

/** Adds how hours of usage become days and months, and the name of the database in the ids of usage events. */
export class Migration20261130120000_usage_roll_up extends Migration {
  override up(): void {
    this.addSql(`alter table usage_state add column cluster_id uuid not null default gen_random_uuid()`);
    // Nodes that write usage hold the row of usage_state. So this waits for those that write now, and those that come later
    // wait for it. Nodes have an hour after the end of a day to write the last of its usage.
    this.addSql(`
      create function roll_up_usage() returns timestamptz language plpgsql as $$
      declare
        next_day timestamptz;
      begin
        select rolled_until into next_day from usage_state
        where rolled_until + interval '1 day' + interval '1 hour' <= now() for update;
        if not found then
          return null;
        end if;
        insert into usage_day (account_id, day, ${DIMENSIONS}, ${COUNTS.join(', ')})
        select account_id, next_day, ${DIMENSIONS}, ${SUMS} from usage_hour
        where hour >= next_day and hour < next_day + interval '1 day'
        group by account_id, ${DIMENSIONS};
        insert into usage_month as kept (account_id, month, ${DIMENSIONS}, ${COUNTS.join(', ')})
        select account_id, date_trunc('month', day, 'UTC'), ${DIMENSIONS}, ${COUNTS.join(', ')} from usage_day
        where day = next_day
        order by account_id, ${DIMENSIONS}
        on conflict (account_id, month, ${DIMENSIONS}) do update set ${ADDITIONS};
        update usage_state set rolled_until = next_day + interval '1 day';
        return next_day;
      end $$`);
  }

  override down(): void {
    this.addSql(`drop function roll_up_usage()`);
    this.addSql(`alter table usage_state drop column cluster_id`);
  }
}
