import { openConnection } from '../../src/database/open-connection.ts';
import { addUsageTotals } from '../../src/database/usage/roll-up.ts';

const STATEMENT_TIMEOUT_MS = 30 * 60 * 1000;
/** Days in which accounts were active, before today. */
const DAYS = 365;

/** Each account was active on a day of each of the last 12 months, in its turn. Parameters: days, accounts, accounts. */
const INSERT_DAYS = `
  insert into usage_day (account_id, day, api_key_id, plan_id, route, allowed, rate_limited, quota_exceeded, denied, hits)
  select 'account' || account, date_trunc('day', now(), 'UTC') - day * interval '24 hours', 'key' || account,
    (array['free', 'pro', 'enterprise'])[account / 30 % 3 + 1], 'route' || account / 90 % 5,
    account % 100, day % 2, 0, account % 2, account % 100
  from generate_series(?::int, 1, -1) day, generate_series(0, ?::int - 1) account
  where account % 30 = day % 30 and account < ?::int
  order by day desc, account`;

const INSERT_MONTHS = `
  insert into usage_month
    (account_id, month, api_key_id, plan_id, route, allowed, rate_limited, quota_exceeded, denied, hits)
  select account_id, date_trunc('month', day, 'UTC'), api_key_id, plan_id, route, sum(allowed), sum(rate_limited),
    sum(quota_exceeded), sum(denied), sum(hits)
  from usage_day group by 1, 2, 3, 4, 5 order by 2, 1`;

/** Three hours of each day since the first partition of hours, and of today, whatever the time is. */
const INSERT_HOURS = `
  insert into usage_hour
    (account_id, hour, api_key_id, plan_id, route, allowed, rate_limited, quota_exceeded, denied, hits)
  select account_id, day + (allowed % 21 + hour) * interval '1 hour', api_key_id, plan_id, route, allowed / 3 + 1, rate_limited, 0, denied,
    allowed / 3 + 1
  from (
    select * from usage_day where day >= first_usage_hour()
    union all
    select account_id, day + interval '24 hours', api_key_id, plan_id, route, allowed, rate_limited, quota_exceeded, denied,
      hits
    from usage_day where day = date_trunc('day', now(), 'UTC') - interval '24 hours'
  ) active, generate_series(0, 2) hour
  order by 2, 1`;

/**
 * Fills a migrated database with a year of usage, rolled up until today. Returns the number of rows by table, and the ms
 * in which the usage of all accounts was added up.
 */
export async function fillUsage(url: string, accounts: number) {
  const { query, close } = openConnection({ url, timeoutMs: STATEMENT_TIMEOUT_MS });
  try {
    for (const [unit, months] of Object.entries({ hour: 3, day: 13, month: 13 })) {
      const create = `select create_time_partitions('usage_${unit}', 'month', now() - ? * interval '1 month', ?)`;
      await query(create, [months, months]);
    }
    await query(INSERT_DAYS, [DAYS, accounts, accounts]);
    await query(INSERT_MONTHS, []);
    await query(INSERT_HOURS, []);
    await query(
      `update usage_state set rolled_until = date_trunc('day', now(), 'UTC'),
         totaled_until = date_trunc('month', now(), 'UTC') - interval '13 months'`,
      [],
    );
    const start = performance.now();
    await addUsageTotals(query);
    const totalsMs = performance.now() - start;
    const rows: Record<string, number> = {};
    for (const table of ['usage_hour', 'usage_day', 'usage_month', 'usage_total_hour', 'usage_total_day']) {
      await query(`vacuum analyze ${table}`, []);
      const [row] = (await query(`select count(*)::int as count from ${table}`, [])) as { readonly count: number }[];
      rows[table] = row?.count ?? 0;
    }
    return { rows, totalsMs };
  } finally {
    await close();
  }
}
