import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRedis, startRedis } from '../../provision/redis.ts';
import { CheckpointTable } from '../../src/counters/checkpoints/checkpoint-table.ts';
import { openConnection } from '../../src/database/open-connection.ts';
import { CREDITS_END } from '../../src/domain/counting/credit-balance.ts';
import { writeUsage } from '../../src/usage/write-usage.ts';
import { newDatabase } from '../support/databases.ts';
import { runWeir } from './run-weir.ts';

const DAY_MICROS = 86_400_000_000;
const NOTHING = { allowed: 0, rateLimited: 0, quotaExceeded: 0, denied: 0 };

describe('weir reconcile', () => {
  let redis: RunningRedis;
  let url: string;
  const run = (...options: string[]) => runWeir(['reconcile', ...options], { DATABASE_URL: url, REDIS_URL: redis.url });

  beforeAll(async () => {
    [redis, url] = [await startRedis(), await newDatabase()];
    const connection = openConnection({ url, timeoutMs: 30_000 });
    const today = Math.floor((Date.now() * 1000) / DAY_MICROS) * DAY_MICROS;
    const observed = { refunded: 0, observedAt: today + 1 };
    const day = { ...observed, identity: 'day/c1d', periodStart: today, periodEnd: today + DAY_MICROS };
    const trial = { ...observed, identity: 'trial/b', periodStart: 0, periodEnd: CREDITS_END };
    await new CheckpointTable(connection.query).write([
      { ...day, subject: 'account|a', used: 90 },
      { ...day, subject: 'account|b', used: 3 },
      { ...trial, subject: 'account|b', used: -500 },
    ]);
    const hour = today / 1_000_000;
    const row = { hour, accountId: 'a', keyId: '', planId: 'free', route: '', ...NOTHING };
    const rows = [
      { ...row, hits: 10 },
      { ...row, keyId: 'k1', hits: 80 },
      // Of another plan, and of yesterday.
      { ...row, planId: 'enterprise', hits: 7 },
      { ...row, hour: hour - 3_600, hits: 5 },
    ];
    const limits = [{ name: 'day', requests: 100, window: '86400s', algorithm: 'calendar', per: 'account' }];
    await connection.query(
      `insert into plan (id, display_name, limits, create_time, update_time) values ('free', '', ?::jsonb, now(), now())`,
      [JSON.stringify(limits)],
    );
    await connection.query(`select create_time_partitions('usage_hour', 'month', now() - interval '2 days', 4)`, []);
    await writeUsage(connection.query, { node: 'n', sequence: 1, rows });
    await connection.close();
  });
  afterAll(() => redis?.stop());

  it('lists the counters that lack hits and those that usage differs from, and exits with 1', async () => {
    const { code, out, err } = await run();
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out.split('\n').sort()).toEqual([
      '',
      '2 compared with usage: 1 differ.',
      '3 counters compared: 3 lack hits, 0 are ahead of their checkpoints.',
      'LACKS HITS  account|a  day/c1d  counter 0  checkpoint 90',
      'LACKS HITS  account|b  day/c1d  counter 0  checkpoint 3',
      'LACKS HITS  account|b  trial/b  counter 0  checkpoint -500',
      'usage       account|b  day/c1d  counted 3  usage 0',
    ]);
  });

  it('raises those that lack hits with --fix, and finds none of them afterwards', async () => {
    expect(await run('--fix')).toMatchObject({ code: 0, err: '' });
    expect(await run()).toEqual({
      code: 0,
      out: [
        'usage       account|b  day/c1d  counted 3  usage 0',
        '3 counters compared: 0 lack hits, 0 are ahead of their checkpoints.',
        '2 compared with usage: 1 differ.',
        '',
      ].join('\n'),
      err: '',
    });
  });

  it('needs both servers, and says which is missing', async () => {
    const variables = { DATABASE_URL: url, REDIS_URL: 'redis://127.0.0.1:1' };
    const failures = [
      [{ DATABASE_URL: url }, 'REDIS_URL: must be set: counters in the memory of a node cannot be read from here'],
      [{ REDIS_URL: redis.url }, 'DATABASE_URL: must be set to the database of the nodes'],
      [variables, 'REDIS_URL: Redis does not answer'],
    ] as const;
    for (const [environment, message] of failures) {
      expect(await runWeir(['reconcile'], environment)).toEqual({ code: 1, out: '', err: `${message}\n` });
    }
  });
});
