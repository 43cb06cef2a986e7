import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import {
  queryUsage,
  USAGE_GROUPS,
  type UsageQuery,
  type UsageResultRow,
} from '../../src/database/usage/query-usage.ts';
import { addUsageTotals, rollUpUsage } from '../../src/database/usage/roll-up.ts';
import { addCounts, NO_COUNTS, type UsageCounts } from '../../src/domain/usage/usage-row.ts';
import type { Query } from '../../src/interfaces/query.ts';
import type { HourlyUsage } from '../../src/usage/pending-usage.ts';
import { writeUsage } from '../../src/usage/write-usage.ts';
import { newDatabase } from '../support/databases.ts';

const HOUR_MS = 3_600_000;
const HOURS = 40 * 24;
const ACCOUNTS = ['', 'a', 'b'];
const now = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;

let database: Database;
let query: Query;

beforeAll(async () => {
  database = await openDatabase({ url: await newDatabase() });
  query = createQuery(database);
  for (const table of ['hour', 'day', 'month', 'correction']) {
    await query(`select create_time_partitions('usage_${table}', 'month', now() - interval '70 days', 4)`, []);
  }
  await query(
    `update usage_state set rolled_until = date_trunc('day', now(), 'UTC') - interval '41 days',
       totaled_until = date_trunc('month', now(), 'UTC') - interval '70 days'`,
    [],
  );
});
afterAll(() => database?.close(true));

const count = fc.nat({ max: 5 });
const hourlyUsage: fc.Arbitrary<HourlyUsage> = fc.record({
  hour: fc.nat({ max: HOURS }).map((hoursAgo) => now / 1000 - hoursAgo * 3600),
  accountId: fc.constantFrom(...ACCOUNTS),
  keyId: fc.constantFrom('', 'k', 'l'),
  planId: fc.constantFrom('', 'free', 'pro'),
  route: fc.constantFrom('', 'search', 'x'),
  ...{ allowed: count, rateLimited: count, quotaExceeded: count, denied: count, hits: fc.integer({ min: -9, max: 9 }) },
});

type AskedQuery = Omit<UsageQuery, 'accountId' | 'after' | 'limit'>;

const usageQuery: fc.Arbitrary<AskedQuery> = fc
  .record({
    hours: fc.tuple(fc.nat({ max: HOURS + 99 }), fc.integer({ min: 1, max: HOURS })),
    step: fc.constantFrom('hour', 'day', 'month'),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin'),
    groupBy: fc.subarray([...USAGE_GROUPS]),
    where: fc.subarray(
      [
        { group: 'planId', value: 'free' },
        { group: 'route', value: 'search' },
        { group: 'outcome', value: 'ALLOWED' },
      ] as const,
      { maxLength: 1 },
    ),
  })
  .map(({ hours: [hoursAgo, length], timeZone, groupBy, ...asked }) => {
    const from = now - hoursAgo * HOUR_MS;
    const to = from + length * HOUR_MS;
    return { ...asked, from, to, timeZone, isUtc: timeZone === 'UTC', groupBy: new Set(groupBy) };
  });

/** Usage by bucket and groups. Leaves out rows whose counts are all 0: only accounts that added to such a sum list it. */
function toMap(rows: readonly UsageResultRow[]): ReadonlyMap<string, UsageCounts> {
  const sums = new Map<string, UsageCounts>();
  for (const row of rows) {
    const name = JSON.stringify([row.bucket, ...USAGE_GROUPS.map((group) => row[group])]);
    const sum = sums.get(name) ?? { ...NO_COUNTS };
    addCounts(sum, row);
    sums.set(name, sum);
  }
  for (const [name, sum] of sums) if (Object.values(sum).every((count) => count === 0)) sums.delete(name);
  return sums;
}

const ask = async (asked: AskedQuery, accountId?: string) =>
  (await queryUsage(query, { ...asked, accountId, after: undefined, limit: 100_000 })).rows;

async function expectSums(queries: readonly AskedQuery[]): Promise<void> {
  for (const asked of queries) {
    const rowsOfAccounts = await Promise.all(ACCOUNTS.map((accountId) => ask(asked, accountId)));
    expect(toMap(await ask(asked))).toEqual(toMap(rowsOfAccounts.flat()));
  }
}

describe('the usage of all accounts', () => {
  it('is exactly the sum of theirs, before and after it is added up, also with corrections', async () => {
    const write = (node: string, rows: readonly HourlyUsage[]) => writeUsage(query, { node, sequence: 1, rows });
    const [rows = []] = fc.sample(fc.array(hourlyUsage, { minLength: 400, maxLength: 400 }), 1);
    await write('first', rows.slice(0, 300));
    await rollUpUsage(query);
    await write('late', rows.slice(300));
    const queries = fc.sample(usageQuery, 60);
    await expectSums(queries);
    await addUsageTotals(query);
    await expectSums(queries);
    const sum = `select count(*)::int as days from usage_total_day`;
    expect(await query(sum, [])).not.toEqual([{ days: 0 }]);
  });

  it('is read without the rows of accounts once it is added up', async () => {
    const asked = {
      from: now - HOURS * HOUR_MS,
      to: now,
      isUtc: true,
      timeZone: 'UTC',
      groupBy: new Set([]),
      where: [],
    };
    const before = await Promise.all((['day', 'month'] as const).map((step) => ask({ ...asked, step })));
    await query('truncate usage_day, usage_month', []);
    expect(await Promise.all((['day', 'month'] as const).map((step) => ask({ ...asked, step })))).toEqual(before);
  });
});
