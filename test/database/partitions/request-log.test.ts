import { expect, it } from 'vitest';
import { createQuery, openDatabase } from '../../../src/database/open-database.ts';
import { createPartitions, dropPartitions } from '../../../src/database/partitions/maintain-partitions.ts';
import { REQUEST_LOG } from '../../../src/database/partitions/partitioned-tables.ts';
import { newDatabase } from '../../support/databases.ts';

const DAY_SECONDS = 86_400;

/** The partition of a day, counted from today in UTC. */
function nameOfDay(offset: number): string {
  const day = new Date(Date.now() + offset * DAY_SECONDS * 1000).toISOString().slice(0, 10);
  return `request_log_${day.replaceAll('-', '')}`;
}

it('the request log has partitions of yesterday to in three days, and drops those past the retention', async () => {
  const database = await openDatabase({ url: await newDatabase() });
  const query = createQuery(database);
  const list = async () => {
    const sql = `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'request_log'::regclass
      order by 1`;
    return ((await query(sql, [])) as { name: string }[]).map(({ name }) => name);
  };
  const expected = [-1, 0, 1, 2, 3].map(nameOfDay);
  for (const name of await list()) await query(`drop table ${name}`, []);
  for (let time = 0; time < 2; time++) await createPartitions(database, [REQUEST_LOG]);
  expect(await list()).toEqual(expected);
  await query(`select create_time_partitions('request_log', 'day', now() - interval '40 days', 10)`, []);
  const dropped = await dropPartitions(database, [{ table: REQUEST_LOG, retentionSeconds: 30 * DAY_SECONDS }]);
  expect([...dropped].sort()).toEqual([-40, -39, -38, -37, -36, -35, -34, -33, -32, -31].map(nameOfDay));
  expect(await list()).toEqual(expected);
  await database.close(true);
});
