import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openConnection } from '../../src/database/open-connection.ts';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import { rollUpUsage } from '../../src/database/usage/roll-up.ts';
import type { Usage } from '../../src/decide/ports.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { findFormerFiles, UsageFile } from '../../src/usage/usage-file.ts';
import { startUsageRecorder, UsageRecorder } from '../../src/usage/usage-recorder.ts';
import { newDatabase } from '../support/databases.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let url: string;
let database: Database;
let folder: string;
/** Whether statements reach Postgres, or only their answers are lost, or neither. */
let postgres: 'there' | 'silent' | 'away';
const messages: string[] = [];
const note = (_: object, message: string) => void messages.push(message);
const usage: Usage = { record: {}, accountId: 'a', keyId: 'k', planId: 'free', route: 'r', hits: 1 };

const query: Query = async (sql, parameters) => {
  if (postgres === 'away') throw new Error('Postgres is away');
  const rows = await createQuery(database)(sql, parameters);
  if (postgres === 'silent') throw new Error('the answer was lost');
  return rows;
};

beforeEach(async () => {
  url = await newDatabase();
  database = await openDatabase({ url });
  folder = await mkdtemp(path.join(tmpdir(), 'weir-usage-'));
  postgres = 'there';
  messages.length = 0;
});
afterEach(async () => {
  await database.close(true);
  await rm(folder, { recursive: true });
});

function createRecorder(node = 'n1', now = Date.now()): UsageRecorder {
  return new UsageRecorder({ node, query, file: new UsageFile(folder, 1), log: { info: note, warn: note } }, now);
}

async function sumAllowed(table = 'usage_hour'): Promise<number> {
  const [row] = await createQuery(database)(`select coalesce(sum(allowed), 0)::int as sum from ${table}`, []);
  return (row as { sum: number }).sum;
}

/** Moves how far usage is rolled up, and the partitions, into the past. */
async function beginDaysAgo(days: number): Promise<void> {
  for (const table of ['hour', 'day', 'month', 'correction']) {
    const sql = `select create_time_partitions('usage_${table}', 'month', now() - interval '70 days', 3)`;
    await createQuery(database)(sql, []);
  }
  const sql = `update usage_state set rolled_until = date_trunc('day', now(), 'UTC') - ? * interval '1 day'`;
  await createQuery(database)(sql, [days]);
}

describe('recorded usage', () => {
  it('is written once, also if answers are lost, and added to the row of its hour', async () => {
    const recorder = createRecorder();
    for (const state of ['silent', 'silent', 'there', 'there'] as const) {
      recorder.tally.record(usage, 'allowed');
      recorder.startInterval(Date.now());
      postgres = state;
      await recorder.flush();
    }
    expect(await sumAllowed()).toBe(4);
    expect(recorder.backlog).toBe(0);
    expect(messages).toEqual(['writing usage failed; keeping it for the next attempt', 'writing usage recovered']);
  });

  it('is kept in a file while Postgres is away, and written by the next process, once', async () => {
    const first = createRecorder('first');
    first.tally.record(usage, 'allowed');
    first.startInterval(Date.now());
    postgres = 'silent';
    await first.flush(); // written, although the process does not learn that
    first.tally.record(usage, 'allowed');
    first.startInterval(Date.now());
    postgres = 'away';
    await first.flush();
    expect(await readdir(folder)).toEqual(['usage']);
    expect(await sumAllowed()).toBe(1);

    postgres = 'there';
    for (const node of ['second', 'third']) {
      const next = createRecorder(node);
      await next.restore();
      await next.flush();
      expect(await sumAllowed()).toBe(2);
      expect(await readdir(folder)).toEqual([]);
    }
  });

  it('of workers that the node no longer has is written by the first one, once', async () => {
    for (const worker of [1, 2, 3]) {
      const file = new UsageFile(folder, worker);
      const recorder = new UsageRecorder(
        { node: `n${worker}`, query, file, log: { info: note, warn: note } },
        Date.now(),
      );
      recorder.tally.record({ ...usage, record: {} }, 'allowed');
      recorder.startInterval(Date.now());
      await recorder.keep();
    }
    await writeFile(path.join(folder, 'usage-4'), 'damaged');
    for (const node of ['first', 'again']) {
      const [file, formerFiles] = [new UsageFile(folder, 1), await findFormerFiles(folder, 2)];
      const next = new UsageRecorder({ node, query, file, formerFiles, log: { info: note, warn: note } }, Date.now());
      await next.restore();
      await next.flush();
      expect(await sumAllowed()).toBe(2);
      expect(await readdir(folder)).toEqual(['usage-2', 'usage-4.unusable']);
    }
  });

  it('that a file holds is skipped by a process that starts with the same file again', async () => {
    const first = createRecorder('first');
    first.tally.record(usage, 'allowed');
    first.startInterval(Date.now());
    await first.keep();
    const second = createRecorder('second');
    await second.restore();
    const third = createRecorder('third');
    await third.restore();
    for (const recorder of [second, third]) await recorder.flush();
    expect(await sumAllowed()).toBe(1);
  });

  it('that Postgres can never take is dropped and counted, and holds up no other', async () => {
    const recorder = createRecorder();
    recorder.tally.record({ ...usage, route: 'other' }, 'allowed');
    recorder.tally.settle({ accountId: 'a', keyId: 'k', planId: 'free', route: 'r' }, 1e18);
    recorder.tally.settle({ accountId: 'a', keyId: 'k', planId: 'free', route: 'r' }, 1e19);
    recorder.startInterval(Date.now());
    await recorder.flush();
    expect([await sumAllowed(), recorder.dropped, recorder.backlog]).toEqual([0, 2, 0]);
    recorder.tally.record(usage, 'allowed');
    recorder.startInterval(Date.now());
    await recorder.flush();
    expect([await sumAllowed(), recorder.dropped]).toEqual([1, 2]);
  });

  it('is in the file while Postgres does not answer, also that of later intervals, and is written once', async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const slow: Query = async (...statement) => {
      await answered;
      return query(...statement);
    };
    const file = new UsageFile(folder, 1);
    const options = { node: 'slow', query: slow, file, log: { info: note, warn: note } };
    const recorder = new UsageRecorder(options, Date.now());
    const countKept = async () => (await file.read()).flatMap(({ rows }) => rows.map(({ allowed }) => allowed));
    recorder.tally.record(usage, 'allowed');
    recorder.startInterval(Date.now());
    const flushed = recorder.flush();
    await expect.poll(countKept).toEqual([1]);
    recorder.tally.record(usage, 'allowed');
    recorder.tally.record(usage, 'allowed');
    recorder.startInterval(Date.now());
    await expect.poll(countKept).toEqual([1, 2]);
    const next = createRecorder('next');
    await next.restore(); // as if the node had been killed
    await next.flush();
    answer();
    await flushed;
    expect(await sumAllowed()).toBe(3);
    expect(await readdir(folder)).toEqual([]);
  });

  it('belongs to its interval although a write takes longer', async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const slow: Query = async (...statement) => {
      await answered;
      return query(...statement);
    };
    const options = { node: 'slow', query: slow, file: new UsageFile(folder, 1), log: { info: note, warn: note } };
    const { recorder, stop } = await startUsageRecorder(options, { intervalMs: 20, stopTimeoutMs: 20_000 });
    for (let rows = 1; rows <= 3; rows++) {
      recorder.tally.record({ ...usage, record: {}, route: `r${rows}` }, 'allowed');
      await expect.poll(() => recorder.backlog).toBe(rows);
    }
    answer();
    await stop();
    expect(await sumAllowed()).toBe(3);
  });

  it('does not stop the start if its file is damaged', async () => {
    await writeFile(path.join(folder, 'usage'), 'damaged');
    const recorder = createRecorder();
    await recorder.restore();
    expect(messages).toEqual(['could not restore the usage that was not written; it is lost']);
    expect(await readdir(folder)).toEqual(['usage.unusable']);
  });

  it('counts for the hour of its interval, but never for the future or for a time that is not kept', async () => {
    for (const [index, now] of [Date.now(), Date.now() + 5 * DAY_MS, Date.now() - 500 * DAY_MS].entries()) {
      const recorder = createRecorder(`n${index}`, now);
      recorder.tally.record(usage, 'allowed');
      recorder.startInterval(now);
      await recorder.flush();
    }
    const rows = await createQuery(database)(
      `select hour = date_trunc('hour', now(), 'UTC') as is_now, hour = first_usage_hour() as is_first, allowed::int
       from (select * from usage_hour union all select account_id, hour, api_key_id, plan_id, route, allowed, rate_limited,
         quota_exceeded, denied, hits from usage_correction) usage order by hour`,
      [],
    );
    expect(rows).toEqual([
      { is_now: false, is_first: true, allowed: 1 },
      { is_now: true, is_first: false, allowed: 2 },
    ]);
  });

  it('is added to its day and month once the day has ended, and what comes later is a correction', async () => {
    await beginDaysAgo(3);
    const record = async (daysAgo: number, node: string) => {
      const recorder = createRecorder(node, Date.now() - daysAgo * DAY_MS);
      recorder.tally.record(usage, 'allowed');
      recorder.startInterval(Date.now());
      await recorder.flush();
    };
    for (const daysAgo of [3, 2, 1, 0]) await record(daysAgo, `n${daysAgo}`);
    const days = await rollUpUsage(createQuery(database));
    // The last day may have ended less than an hour ago.
    expect([2, 3]).toContain(days.length);
    expect(await sumAllowed('usage_day')).toBe(days.length);
    expect(await sumAllowed('usage_month')).toBe(days.length);
    await record(3, 'late');
    await record(3, 'later');
    expect(await sumAllowed('usage_correction')).toBe(2);
    expect(await rollUpUsage(createQuery(database))).toEqual([]);
    expect(await sumAllowed('usage_day')).toBe(days.length);
    expect(await sumAllowed('usage_hour')).toBe(4);
  });

  it('is added up by days of UTC, also if the time zone of the database leaves summer time', async () => {
    const [{ name }] = (await createQuery(database)('select current_database() as name', [])) as [{ name: string }];
    await createQuery(database)(`alter database "${name}" set timezone = 'America/New_York'`, []);
    const { query: queryInZone, close } = openConnection({ url, timeoutMs: 20_000 });
    await queryInZone(
      `update usage_state set rolled_until = '2025-11-01T00:00Z', totaled_until = '2025-11-01T00:00Z'`,
      [],
    );
    const days = [];
    for (const rollUp of ['roll_up_usage', 'add_usage_totals']) {
      for (let day = 1; day <= 3; day++) days.push(...(await queryInZone(`select audit_time(${rollUp}()) as day`, [])));
    }
    await close();
    const starts = [1, 2, 3].map((day) => ({ day: expect.stringMatching(`^2025-11-0${day}T00:00:00(.000)?Z$`) }));
    expect(days).toEqual([...starts, ...starts]);
  });

  it('is written by many nodes at once without a deadlock and without a loss', async () => {
    const recorders = Array.from({ length: 8 }, (_, index) => createRecorder(`n${index}`));
    for (const [index, recorder] of recorders.entries()) {
      for (let key = 0; key < 300; key++) {
        // Each node counts the keys in another order.
        const keyId = `k${(key * (2 * index + 1)) % 300}`;
        recorder.tally.record({ ...usage, record: {}, keyId }, 'allowed');
      }
      recorder.startInterval(Date.now());
    }
    await Promise.all(recorders.map((recorder) => recorder.flush()));
    expect(await sumAllowed()).toBe(2_400);
    expect(messages).toEqual([]);
  });
});
