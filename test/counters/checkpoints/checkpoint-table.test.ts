import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CheckpointTable,
  type ObservedCheckpoint,
  UNKNOWN_USE,
} from '../../../src/counters/checkpoints/checkpoint-table.ts';
import { computeVirtualTag } from '../../../src/counters/redis/batch/counter-key.ts';
import { type OwnConnection, openConnection } from '../../../src/database/open-connection.ts';
import { purge } from '../../../src/database/statements/purge.ts';
import { CREDITS_END } from '../../../src/domain/counting/credit-balance.ts';
import { newDatabase } from '../../support/databases.ts';

const DAY_MICROS = 86_400_000_000;
const TODAY = Math.floor((Date.now() * 1000) / DAY_MICROS) * DAY_MICROS;
const SUBJECT = 'account|a1';
const TAG = computeVirtualTag(SUBJECT);

let url: string;
let connection: OwnConnection;
let table: CheckpointTable;
beforeAll(async () => {
  url = await newDatabase();
  connection = openConnection({ url, timeoutMs: 30_000 });
  table = new CheckpointTable(connection.query);
});
afterAll(() => connection.close());
beforeEach(async () => {
  await connection.query('delete from counter_checkpoint', []);
});

const observe = (used: number, changed: Partial<ObservedCheckpoint> = {}): ObservedCheckpoint => ({
  ...{ subject: SUBJECT, identity: 'day/c1d', periodStart: TODAY, periodEnd: TODAY + DAY_MICROS },
  ...{ used, refunded: 0, observedAt: TODAY + 1 },
  ...changed,
});
const readUsed = async () => (await table.read(TAG, '', 10)).map(({ used }) => used);

describe('the table of checkpoints', () => {
  it('keeps the greatest use of a period, whichever node writes last', async () => {
    await table.write([observe(7)]);
    await table.write([observe(3)]);
    await table.write([observe(9)]);
    await table.write([observe(8)]);
    expect(await table.read(TAG, '', 10)).toEqual([
      {
        id: expect.stringMatching(/^\d\d-/),
        ...{ subject: SUBJECT, identity: 'day/c1d', periodStart: TODAY, periodEnd: TODAY + DAY_MICROS, used: 9 },
      },
    ]);
  });

  it('begins at the use of the next period, and ignores what is written late about the one before', async () => {
    const yesterday = { periodStart: TODAY - DAY_MICROS, periodEnd: TODAY };
    await table.write([observe(90, yesterday)]);
    expect(await readUsed()).toEqual([]);
    await table.write([observe(2)]);
    await table.write([observe(95, yesterday)]);
    expect(await readUsed()).toEqual([2]);
  });

  it('takes off what was refunded, but never goes below what was observed afterwards', async () => {
    await table.write([observe(50)]);
    await table.write([observe(40, { refunded: 10 })]);
    expect(await readUsed()).toEqual([40]);
    await table.write([observe(45, { refunded: 10 })]);
    expect(await readUsed()).toEqual([45]);
  });

  it('adds no row for a refund of unknown use, and takes it off a known one', async () => {
    const refund = observe(UNKNOWN_USE, { refunded: 10 });
    await table.write([refund]);
    expect(await readUsed()).toEqual([]);
    await table.write([observe(50)]);
    await table.write([refund]);
    expect(await readUsed()).toEqual([40]);
  });

  it('lowers the use that an administrator changed, and leaves out what was observed before', async () => {
    await table.write([observe(50, { observedAt: TODAY + 10 })]);
    await table.replace([observe(0, { observedAt: TODAY + 20 })]);
    expect(await readUsed()).toEqual([0]);
    await table.write([observe(51, { observedAt: TODAY + 19 })]);
    expect(await readUsed()).toEqual([0]);
    await table.write([observe(1, { observedAt: TODAY + 21 })]);
    expect(await readUsed()).toEqual([1]);
    await table.replace([observe(0, { observedAt: TODAY + 15 })]);
    expect(await readUsed()).toEqual([1]);
  });

  it('keeps balances of credits for ever, also those to which more was added than spent', async () => {
    const credits = { identity: 'trial/b', periodStart: 0, periodEnd: CREDITS_END };
    await table.replace([observe(-500, credits)]);
    await table.write([observe(-480, { ...credits, observedAt: TODAY + 2 })]);
    expect(await table.read(TAG, '', 10)).toMatchObject([{ ...credits, used: -480 }]);
  });

  it('keeps any subject, with characters that Postgres does not store', async () => {
    const subject = 'rule|a\0b|"\\ \ud800 é😀';
    await table.write([observe(1, { subject })]);
    expect(await table.read(computeVirtualTag(subject), '', 10)).toMatchObject([{ subject, used: 1 }]);
  });

  it('reads the checkpoints of one tag in parts, each once', async () => {
    const subjects = Array.from({ length: 500 }, (_, index) => `account|b${index}`);
    await table.write(subjects.map((subject) => observe(1, { subject })));
    const read: string[] = [];
    for (let afterId = ''; ; ) {
      const part = await table.read(TAG, afterId, 3);
      read.push(...part.map(({ subject }) => subject));
      afterId = part.at(-1)?.id ?? afterId;
      if (part.length < 3) break;
    }
    expect(read.sort()).toEqual(subjects.filter((subject) => computeVirtualTag(subject) === TAG).sort());
    expect(read.length).toBeGreaterThan(3);
  });

  it('is written by nodes at the same time without a deadlock', async () => {
    const nodes = Array.from({ length: 4 }, () => openConnection({ url, timeoutMs: 30_000 }));
    const subjects = Array.from({ length: 200 }, (_, index) => `account|c${index}`);
    const writes = nodes.map(({ query }, node) => {
      const rows = subjects.map((subject) => observe(node, { subject }));
      return new CheckpointTable(query).write(node % 2 === 0 ? rows : rows.reverse());
    });
    await Promise.all(writes).finally(() => Promise.all(nodes.map(({ close }) => close())));
    const counts = 'select count(*)::int as count, min(used)::int as used from counter_checkpoint';
    expect(await connection.query(counts, [])).toEqual([{ count: 200, used: 3 }]);
  });

  it('loses the checkpoints of periods that ended more than a day ago to the purge', async () => {
    const ended = (daysAgo: number) => {
      const periodEnd = TODAY - daysAgo * DAY_MICROS;
      return { subject: `account|${daysAgo}`, periodEnd, periodStart: periodEnd - DAY_MICROS };
    };
    await table.write([observe(1), observe(1, ended(0)), observe(1, ended(2))]);
    expect(await purge(connection.query, { deletedSeconds: 1 })).toEqual({ counter_checkpoint: 1 });
  });
});
