import { describe, expect, it } from 'vitest';
import type { Usage } from '../decide/ports.ts';
import { NodeUsageTally, OTHER_ROUTES } from './usage-tally.ts';

const usage: Usage = { record: {}, accountId: 'a', keyId: 'k', planId: 'free', route: 'search', hits: 1 };
const NO_COUNTS = { allowed: 0, rateLimited: 0, quotaExceeded: 0, denied: 0, hits: 0 };

const takeAll = (tally: NodeUsageTally) => [...tally.take()].map(({ ...cell }) => cell);

describe('the usage tally', () => {
  it('counts requests by outcome, and hits of those that are allowed', () => {
    const tally = new NodeUsageTally();
    tally.record(usage, 'allowed');
    tally.record({ ...usage, hits: 5 }, 'allowed');
    tally.record({ ...usage, hits: 7 }, 'rateLimited');
    tally.record(usage, 'quotaExceeded');
    tally.record(usage, 'denied');
    expect(takeAll(tally)).toEqual([
      expect.objectContaining({
        ...{ accountId: 'a', keyId: 'k', planId: 'free', route: 'search' },
        ...{ allowed: 2, hits: 6, rateLimited: 1, quotaExceeded: 1, denied: 1 },
      }),
    ]);
  });

  it('begins again after each take, and counts one record under several plans and routes apart', () => {
    const tally = new NodeUsageTally();
    tally.record(usage, 'allowed');
    expect(takeAll(tally)).toHaveLength(1);
    tally.record(usage, 'denied');
    tally.record({ ...usage, planId: 'pro' }, 'denied');
    tally.record({ ...usage, route: undefined }, 'denied');
    tally.record(usage, 'denied');
    expect(takeAll(tally).map(({ planId, route, denied }) => [planId, route, denied])).toEqual([
      ['free', 'search', 2],
      ['pro', 'search', 1],
      ['free', '', 1],
    ]);
    expect(takeAll(tally)).toEqual([]);
  });

  it('adds up the usage of records that stand for the same key', () => {
    const tally = new NodeUsageTally();
    for (const record of [{}, {}, {}]) tally.record({ ...usage, record }, 'allowed');
    expect(takeAll(tally)).toEqual([expect.objectContaining({ allowed: 3 })]);
  });

  it('counts routes beyond the first 200, and names that cannot be stored, as other', () => {
    const tally = new NodeUsageTally();
    for (const route of ['\0', '\ud800', 'x'.repeat(201)]) tally.record({ ...usage, route }, 'allowed');
    for (let index = 0; index < 200; index++) tally.record({ ...usage, route: `r${index}` }, 'allowed');
    tally.record({ ...usage, route: 'one-too-many' }, 'allowed');
    tally.record({ ...usage, route: 'r7' }, 'allowed');
    const cells = takeAll(tally);
    expect(cells).toHaveLength(201);
    expect(cells.find(({ route }) => route === OTHER_ROUTES)).toMatchObject({ allowed: 4 });
    expect(cells.find(({ route }) => route === 'r7')).toMatchObject({ allowed: 2 });
    expect(tally.requestsOnOtherRoutes).toBe(4);
  });

  it('settles hits without counting a request', () => {
    const tally = new NodeUsageTally();
    tally.settle({ accountId: 'a', keyId: 'k', planId: 'free', route: 'search' }, -40);
    expect(takeAll(tally)).toEqual([expect.objectContaining({ ...NO_COUNTS, hits: -40 })]);
  });

  it('holds a bounded number of cells, and counts the requests that it drops', () => {
    const tally = new NodeUsageTally();
    for (let index = 0; index < 200_003; index++) {
      tally.record({ ...usage, record: {}, keyId: `k${index}` }, 'allowed');
    }
    expect(tally.size).toBe(200_000);
    expect(tally.dropped).toBe(3);
  });
});
