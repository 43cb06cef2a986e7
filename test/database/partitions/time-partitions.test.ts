import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createQuery, type Database, openDatabase } from '../../../src/database/open-database.ts';
import { createPartitions, dropPartitions } from '../../../src/database/partitions/maintain-partitions.ts';
import { partitionByTime } from '../../../src/database/partitions/partitioned-tables.ts';
import { newDatabase } from '../../support/databases.ts';

const DAY_SECONDS = 86_400;

let database: Database;

beforeEach(async () => {
  database = await openDatabase({ url: await newDatabase() });
});
afterEach(() => database.close(true));

const query = (sql: string, parameters: readonly unknown[] = []) => createQuery(database)(sql, parameters);

async function createTable(name: string, unit: 'day' | 'month') {
  await query(`create table ${name} (at timestamptz not null, primary key (at)) partition by range (at)`);
  return partitionByTime(name, unit, 3);
}

const listPartitions = (name: string, unit: string) =>
  query(`select name, start from time_partitions(?::regclass, ?) order by start`, [name, unit]);

describe('the partitions of a table by time', () => {
  it.each(['day', 'month'] as const)('exist for this %s and the next two, and are created once', async (unit) => {
    const table = await createTable('sample', unit);
    await Promise.all([1, 2, 3].map(() => createPartitions(database, [table])));
    const expected = await query(
      `select to_char(at, partition_suffix(?)) as suffix from generate_series(0, 2) step,
        lateral (select date_trunc(?, now() at time zone 'UTC') + step * ('1 ' || ?)::interval as at) x order by at`,
      [unit, unit, unit],
    );
    const names = (await listPartitions('sample', unit)) as { name: string }[];
    expect(names.map(({ name }) => name)).toEqual(
      (expected as { suffix: string }[]).map(({ suffix }) => `sample_${suffix}`),
    );
  });

  it.each([
    ['day', '2031-03-09T23:59:59.999999Z', '2031-03-10T00:00:00Z', ['sample_20310309', 'sample_20310310']],
    ['month', '2031-02-28T23:59:59.999999Z', '2031-03-01T00:00:00Z', ['sample_203102', 'sample_203103']],
  ] as const)('hold the rows of their %s of UTC, to the microsecond', async (unit, last, first, names) => {
    await createTable('sample', unit);
    await query(`select create_time_partitions('sample', ?, ?::timestamptz, 2)`, [unit, last]);
    await query(`insert into sample values (?::timestamptz), (?::timestamptz)`, [last, first]);
    expect(await query('select tableoid::regclass::text as name from sample order by at')).toEqual(
      names.map((name) => ({ name })),
    );
  });

  it('are dropped once all of their rows are past the retention', async () => {
    const table = await createTable('sample', 'day');
    await query(`select create_time_partitions('sample', 'day', now() - interval '5 days', 8)`);
    const before = (await listPartitions('sample', 'day')) as { name: string }[];
    const dropped = await dropPartitions(database, [{ table, retentionSeconds: 3 * DAY_SECONDS }]);
    expect(dropped).toEqual(before.slice(0, 2).map(({ name }) => name));
    expect(await listPartitions('sample', 'day')).toEqual(before.slice(2));
  });
});
