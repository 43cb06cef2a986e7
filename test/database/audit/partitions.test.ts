import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createQuery, type Database, openDatabase } from '../../../src/database/open-database.ts';
import { createPartitions, dropPartitions } from '../../../src/database/partitions/maintain-partitions.ts';
import { AUDIT_EVENTS } from '../../../src/database/partitions/partitioned-tables.ts';
import { newDatabase } from '../../support/databases.ts';

const DAY_SECONDS = 86_400;

let database: Database;

beforeEach(async () => {
  database = await openDatabase({ url: await newDatabase() });
});
afterEach(() => database.close(true));

const query = (sql: string, parameters: readonly unknown[] = []) => createQuery(database)(sql, parameters);

const listPartitions = async () =>
  (
    (await query(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit_event'::regclass order by 1`,
    )) as {
      name: string;
    }[]
  ).map(({ name }) => name);

const dropEvents = (retentionSeconds: number) => dropPartitions(database, [{ table: AUDIT_EVENTS, retentionSeconds }]);

/** Writes an event of the past or the future. */
const writeEvent = (time: string) =>
  query(
    `insert into audit_event (id, create_time, actor, actor_kind, session, peer, request_id, method, resource, result, changes)
     values (audit_event_id(?::timestamptz), ?::timestamptz, '', 'SYSTEM', '', '', '', 'UPDATE', 'plans/free', 'OK', '[]')`,
    [time, time],
  );

/** The name of the partition of a month, counted from the current one. */
async function nameOfMonth(offset: number): Promise<string> {
  const sql = `select 'audit_event_' || to_char((now() at time zone 'UTC') + ? * interval '1 month', 'YYYYMM') as name`;
  const [row] = (await query(sql, [offset])) as { name: string }[];
  return row?.name ?? '';
}

/** Replaces the partitions by those of a database that is older. */
async function age(months: number): Promise<void> {
  for (const name of await listPartitions()) await query(`drop table ${name}`);
  await query(`select create_audit_partitions(now() - ? * interval '1 month', ?)`, [months, months + 7]);
}

describe('the partitions of the audit trail', () => {
  it('exist for this month and the next six, also after a long stop', async () => {
    const expected = await Promise.all([0, 1, 2, 3, 4, 5, 6].map(nameOfMonth));
    expect(await listPartitions()).toEqual(expected.sort());
    // As if the last start was before these months.
    for (const name of expected) await query(`drop table ${name}`);
    await expect(query(`update plan set display_name = 'x'`)).resolves.toBeDefined(); // there are no plans yet
    await expect(writeEvent(new Date().toISOString())).rejects.toThrow('no partition of relation "audit_event"');
    await createPartitions(database, [AUDIT_EVENTS]);
    await writeEvent(new Date().toISOString());
    expect(await listPartitions()).toEqual(expected);
  });

  it('are created once by nodes that start together', async () => {
    await query(`drop table ${await nameOfMonth(6)}`);
    await Promise.all(Array.from({ length: 4 }, () => createPartitions(database, [AUDIT_EVENTS])));
    expect(await listPartitions()).toHaveLength(7);
  });

  it('hold the events of their month, to the microsecond', async () => {
    await query(`select create_audit_partitions('2031-01-15Z', 2)`);
    for (const time of ['2031-01-01T00:00:00Z', '2031-01-31T23:59:59.999999Z', '2031-02-01T00:00:00Z'])
      await writeEvent(time);
    const count = async (name: string) => (await query(`select count(*)::int as count from ${name}`))[0];
    expect(await count('audit_event_203101')).toEqual({ count: 2 });
    expect(await count('audit_event_203102')).toEqual({ count: 1 });
  });

  it('are dropped once all of their events are past the retention, by a role that is no superuser', async () => {
    expect(await query(`select rolsuper as super from pg_roles where rolname = current_user`)).toEqual([
      { super: false },
    ]);
    await age(15);
    // 400 days ago can be in the month before the previous 13.
    const old = await nameOfMonth(-15);
    expect(await listPartitions()).toContain(old);
    const dropped = await dropEvents(400 * DAY_SECONDS);
    expect(dropped).toContain(old);
    const left = await listPartitions();
    expect(left).not.toContain(old);
    expect(left).toContain(await nameOfMonth(-12));
    expect(await dropEvents(400 * DAY_SECONDS)).toEqual([]);
    // The current month stays, whatever the retention.
    await dropEvents(DAY_SECONDS);
    expect(await listPartitions()).toContain(await nameOfMonth(0));
  });

  it('are not held up by a reader for longer than two seconds', async () => {
    await age(15);
    const reader = database.em.fork();
    await reader.begin();
    await reader.execute('select count(*) from audit_event');
    await expect(dropEvents(400 * DAY_SECONDS)).rejects.toThrow('lock timeout');
    await reader.rollback();
    expect(await dropEvents(400 * DAY_SECONDS)).toContain(await nameOfMonth(-15));
  });

  it('have ids in the order of time', async () => {
    await query(`select create_audit_partitions('2031-01-15Z', 1)`);
    for (const time of ['2031-01-05T10:00:00.0005Z', '2031-01-05T10:00:00.0001Z', '2031-01-05T09:00:00Z'])
      await writeEvent(time);
    const rows = (await query(`select id::text as id, create_time from audit_event_203101 order by id`)) as {
      id: string;
      create_time: string;
    }[];
    expect(rows.map(({ create_time }) => new Date(create_time).getTime())).toEqual(
      rows.map(({ create_time }) => new Date(create_time).getTime()).sort((a, b) => a - b),
    );
    expect(rows.every(({ id }) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/.test(id))).toBe(true);
  });
});
