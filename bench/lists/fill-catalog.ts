import { createQuery, openDatabase } from '../../src/database/open-database.ts';

/** Rows of one statement, which must end before the timeout of queries. */
const ROWS_PER_STATEMENT = 10_000;

/**
 * Accounts of 10,000 companies over three years: a tenth of them deleted, a hundredth disabled, one in 10,000 an
 * administrator. A third never signed in. Parameters: the first and the last row, and the number of all rows.
 */
const ACCOUNTS = `
  insert into account (id, email, display_name, role, plan_id, disabled, delete_time, create_time, update_time,
    last_sign_in_time)
  select md5('account' || i)::uuid::text, 'person-' || i || '@company-' || i % 10000 || '.example', 'Person ' || i,
    case when i % 10000 = 0 then 'admin' else 'user' end,
    case when i % 10000 = 0 then 'enterprise' when i % 10 = 0 then 'pro' else 'free' end, i % 100 = 1,
    case when i % 10 = 5 then now() end, created, created,
    case when i % 3 > 0 then created + (now() - created) * random() end
  from generate_series(?::int, ?::int) i,
    lateral (select now() - interval '3 years' * (1 - i / ?::float8) as created) t`;

/** A key for each account. Names have words that all, most, few and hardly any of them have, and one that is unique. */
const KEYS = `
  insert into api_key (id, digest, hint, counter_id, display_name, account_id, plan_id, disabled, expire_time,
    delete_time, create_time, update_time, last_used_time, last_used_day)
  select md5('key' || i)::uuid::text, sha256(i::text::bytea), 'wk_live_…' || right(md5(i::text), 4), i::text,
    'key ' || i || case when i % 10000 = 0 then ' quarterly' when i % 100 = 1 then ' nightly' else ' production' end,
    md5('account' || i)::uuid::text, case when i % 10000 = 0 then 'enterprise' end, i % 100 = 1,
    case when i % 10 = 0 then created + interval '4 years' * random() end,
    case when i % 10 = 5 then now() end, created, created, used, used::date
  from generate_series(?::int, ?::int) i,
    lateral (select now() - interval '3 years' * (1 - i / ?::float8) as created) t,
    lateral (select case when i % 3 > 0 then created + (now() - created) * random() end as used) u`;

/** Fills the tables of a migrated database, and gathers their statistics. The change feed does not get the rows. */
export async function fillCatalog(url: string, rows: number): Promise<void> {
  const database = await openDatabase({ url });
  const query = createQuery(database);
  try {
    for (const [table, insert] of Object.entries({ account: ACCOUNTS, api_key: KEYS })) {
      await query(`alter table ${table} disable trigger user`, []);
      for (let first = 1; first <= rows; first += ROWS_PER_STATEMENT) {
        await query(insert, [first, Math.min(first + ROWS_PER_STATEMENT - 1, rows), rows]);
      }
      await query(`alter table ${table} enable trigger user`, []);
      await query(`vacuum analyze ${table}`, []);
    }
  } finally {
    await database.close(true);
  }
}
