import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CallEvent, CallEvents, type DroppedEvent } from '../../../src/database/audit/call-events.ts';
import { createQuery, type Database, openDatabase } from '../../../src/database/open-database.ts';
import type { Query } from '../../../src/interfaces/query.ts';
import { newDatabase } from '../../support/databases.ts';

let database: Database;

beforeAll(async () => {
  database = await openDatabase({ url: await newDatabase() });
});
afterAll(() => database.close(true));

const newEvent = (resource: string, peer = '192.0.2.1'): CallEvent => ({
  ...{ requestId: 'r', method: 'weir.admin.v1.PlanService/DeletePlan', peer, resource, accountId: undefined },
  ...{ actor: { kind: 'ANONYMOUS', name: '' }, result: 'TOKEN_MISSING', changes: [] },
});

function start(query: Query = createQuery(database)) {
  const dropped: DroppedEvent[] = [];
  const events = new CallEvents({ query, log: { warn: () => {} }, recordDropped: (reason) => dropped.push(reason) });
  return { events, dropped };
}

async function countEvents(resource: string): Promise<number> {
  const sql = 'select count(*)::int as count from audit_event where resource = ?';
  const [row] = (await createQuery(database)(sql, [resource])) as { count: number }[];
  return row?.count ?? 0;
}

describe('the events of refused calls', () => {
  it('are bounded for each network and in all', async () => {
    const { events, dropped } = start();
    for (let index = 0; index < 70; index++) events.recordLater(newEvent('plans/one', `2001:db8::${index}`));
    expect(dropped).toEqual(Array(10).fill('flood'));
    for (let index = 0; index < 600; index++) events.recordLater(newEvent('plans/many', `10.0.${index % 100}.1`));
    expect(dropped).toHaveLength(70);
    await events.stop();
    expect(await countEvents('plans/one')).toBe(60);
    expect(await countEvents('plans/many')).toBe(540);
  });

  it('wait while Postgres is away', async () => {
    let isAway = true;
    const { events, dropped } = start((sql, parameters) => {
      if (!isAway) return createQuery(database)(sql, parameters);
      isAway = false;
      return Promise.reject(new Error('Connection terminated'));
    });
    events.recordLater(newEvent('plans/waiting'));
    await expect.poll(() => countEvents('plans/waiting'), { timeout: 20_000 }).toBe(1);
    expect(dropped).toEqual([]);
    await events.stop();
  });

  it('are dropped and counted when Postgres does not take them', async () => {
    const { events, dropped } = start(() => Promise.reject(new Error('a bug')));
    await events.recordNow(newEvent('plans/failed'));
    events.recordLater(newEvent('plans/failed'));
    await events.stop();
    expect(dropped).toEqual(['failed', 'failed']);
  });
});
