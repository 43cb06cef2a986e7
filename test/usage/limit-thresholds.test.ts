import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import { formatDescriptorSubject } from '../../src/domain/counting/counter-subject.ts';
import type { CountedLimit } from '../../src/domain/limits/limit.ts';
import type { ThresholdCrossing } from '../../src/domain/limits/limit-threshold.ts';
import { parseLimit } from '../../src/domain/limits/parse-limit.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { LimitThresholds } from '../../src/usage/limit-thresholds.ts';
import { check, httpStatus } from '../support/clients/decision-calls.ts';
import { newDatabase } from '../support/databases.ts';
import { test } from '../support/fixtures.ts';

const QUIET = { info: () => undefined, warn: () => undefined };

interface Row {
  readonly subject: string;
  readonly threshold: number;
  readonly used: number;
}

const LIST = `select subject, threshold, used::int as used from limit_threshold order by subject, threshold, period_end`;

describe('the shares of limits that nodes report', () => {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase({ url: await newDatabase() });
  });
  afterAll(() => database?.close(true));

  const limit = parseLimit({ name: 'a', requests: 100, window: '1h', notifyAt: [80] }) as CountedLimit;
  const open = () => new LimitThresholds({ query: createQuery(database), log: QUIET });
  const crossing = (fields: Partial<ThresholdCrossing>): ThresholdCrossing => ({
    ...{ subject: 'account|a', limit, threshold: 80, used: 80, periodEnd: undefined, crossedAt: 10, lowAt: undefined },
    ...fields,
  });
  /** Writes crossings on one node after the other. Returns how many of each node were new. */
  const write = async (...nodes: readonly (readonly Partial<ThresholdCrossing>[])[]) => {
    const written: number[] = [];
    for (const crossings of nodes) {
      const thresholds = open();
      for (const fields of crossings) thresholds.note(crossing(fields));
      await thresholds.flush();
      written.push(thresholds.results.get('written') ?? 0);
    }
    return written;
  };

  it('are written once, whatever the number of nodes', async () => {
    expect(await write([{ subject: 'once' }], [{ subject: 'once', crossedAt: 5 }], [{ subject: 'once' }])).toEqual([
      1, 0, 0,
    ]);
    const concurrent = Array.from({ length: 8 }, open);
    for (const node of concurrent) {
      for (let index = 0; index < 50; index++) node.note(crossing({ subject: `many ${index}`, lowAt: 3 }));
    }
    await Promise.all(concurrent.map((node) => node.flush()));
    expect(concurrent.reduce((sum, { results }) => sum + (results.get('written') ?? 0), 0)).toBe(50);
  });

  it('are written for each share and period', async () => {
    const subject = 'periods';
    expect(
      await write([
        { subject, periodEnd: 100 },
        { subject, periodEnd: 100, threshold: 100 },
        { subject, periodEnd: 200 },
      ]),
    ).toEqual([3]);
    expect(await write([{ subject, periodEnd: 100, crossedAt: 99, lowAt: 98 }])).toEqual([0]);
  });

  it('are written again without periods, if the usage was low after the last time', async () => {
    const subject = 'sliding';
    expect(await write([{ subject, crossedAt: 10 }])).toEqual([1]);
    expect(await write([{ subject, crossedAt: 12, lowAt: 9 }], [{ subject, crossedAt: 20 }])).toEqual([0, 0]);
    expect(await write([{ subject, crossedAt: 30, lowAt: 15 }], [{ subject, crossedAt: 31, lowAt: 16 }])).toEqual([
      1, 0,
    ]);
    const twice = [
      { subject, crossedAt: 40, lowAt: 35 },
      { subject, crossedAt: 50, lowAt: 45 },
    ];
    expect(await write(twice)).toEqual([2]);
  });

  it('are published as events that name the owner of the counter', async () => {
    const query = createQuery(database);
    await query(
      `insert into webhook (id, url, event_types, sealed_secret, create_time, update_time)
       values ('all', 'https://example.com', '["limit.threshold"]', '', now(), now())`,
      [],
    );
    const rule = formatDescriptorSubject('shop', [{ key: 'path', value: '/a|b' }]);
    const periodEnd = Date.parse('2030-01-31T00:00:00Z') * 1000;
    await write([{ subject: 'account|acme', periodEnd, used: 85 }, { subject: rule }], [{ subject: rule }]);
    const events = await query(`select resource, account, data from outbox_event order by account`, []);
    const described = { limit: 'a', threshold: 80, requests: 100 };
    expect(events).toEqual([
      {
        resource: 'accounts/acme',
        account: 'acme',
        data: {
          ...described,
          name: 'accounts/acme',
          account: 'accounts/acme',
          used: 85,
          periodEndTime: '2030-01-31T00:00:00.000Z',
        },
      },
      {
        resource: 'domains/shop',
        account: null,
        data: { ...described, name: 'domains/shop', used: 80, entries: [{ key: 'path', value: '/a|b' }] },
      },
    ]);
  });

  it('wait while Postgres is away, and are dropped and counted beyond a bound', async () => {
    let isAway = true;
    const query = createQuery(database);
    const thresholds = new LimitThresholds({
      query: (sql, parameters) => (isAway ? Promise.reject(new Error('away')) : query(sql, parameters)),
      log: QUIET,
    });
    for (let index = 0; index < 10_003; index++) thresholds.note(crossing({ subject: `away ${index}` }));
    await thresholds.flush();
    expect(Object.fromEntries(thresholds.results)).toEqual({ dropped: 3 });
    isAway = false;
    await thresholds.flush();
    expect(Object.fromEntries(thresholds.results)).toEqual({ dropped: 3, written: 10_000, known: 0 });
  });
});

test('nodes on one Redis report a share of a plan once, and count it', async ({ databaseUrl, redis, startNode }) => {
  const nodes = [await startNode({ REDIS_URL: redis.url }), await startNode({ REDIS_URL: redis.url })] as const;
  const [first, second] = nodes;
  const administrator = await first.signIn();
  const limits = [{ name: 'day', requests: 10, window: '1d', notifyAt: [50, 100] }];
  const plan = CreatePlanRequest.fromPartial({ planId: 'notified', plan: { displayName: 'Notified', limits } });
  const created = await first.admin.call(PlanServiceService.createPlan, plan, administrator);
  expect(created.limits[0]?.notifyAt).toEqual([50, 100]);
  const { name, secret } = await first.createKey(administrator, 'notified');
  const database = await openDatabase({ url: databaseUrl });
  await createQuery(database)(
    `insert into webhook (id, url, event_types, sealed_secret, create_time, update_time)
     values ('all', 'https://example.com', '["limit.*"]', '', now(), now())`,
    [],
  );
  await expect.poll(async () => httpStatus(await check(second.decision, { 'x-api-key': secret }))).toBe(200);
  for (let index = 0; index < 12; index++) {
    await check((index % 2 === 0 ? first : second).decision, { 'x-api-key': secret });
  }
  try {
    const list = async () => (await createQuery(database)(LIST, [])) as Row[];
    await expect
      .poll(async () => (await list()).map(({ threshold }) => threshold), { timeout: 10_000 })
      .toEqual([50, 100]);
    // Either node may be the first to write.
    for (const { used, threshold } of await list()) expect(used).toBeGreaterThanOrEqual(threshold / 10);
    const events = await createQuery(database)(`select resource, data->>'name' as name from outbox_event`, []);
    expect(events).toEqual([
      { resource: name, name },
      { resource: name, name },
    ]);
    const count = async (result: string) => {
      const texts = await Promise.all(nodes.map((node) => node.metrics()));
      const counts = texts.map(
        (text) => new RegExp(`^weir_limit_thresholds_total\\{result="${result}"\\} (\\d+)`, 'm').exec(text)?.[1],
      );
      return counts.reduce((sum, value) => sum + Number(value ?? 0), 0);
    };
    // Each node sees both shares, and one of them is the first.
    await expect
      .poll(async () => (await count('written')) + (await count('known')), { timeout: 10_000 })
      .toBeGreaterThanOrEqual(3);
    expect(await count('written')).toBe(2);
  } finally {
    await database.close(true);
  }
});
