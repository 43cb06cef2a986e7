import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRedis, startRedis } from '../../../provision/redis.ts';
import { LeasingStore } from '../../../src/counters/leases/leasing-store.ts';
import { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import {
  type Charge,
  type CounterStore,
  type Decision,
  type Outcome,
  StoreUnavailable,
} from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { silentLogger } from '../contract/clocked-stores.ts';
import { makeLeasedLimit } from '../model/builders.ts';

let server: RunningRedis;
let redis: RedisStore;
/** Number of decisions that reached Redis. */
let reached = 0;
const counting: CounterStore = {
  decide: (decisions) => {
    reached += decisions.length;
    return redis.decide(decisions, undefined);
  },
  refund: (receipts) => redis.refund(receipts),
  correct: (corrections) => redis.correct(corrections),
};

beforeAll(async () => {
  server = await startRedis();
  redis = new RedisStore({ url: server.url, logger: silentLogger, deadlineMs: 5000 });
  await waitUntil(() => redis.ready);
});
afterAll(async () => {
  await redis?.close();
  await server?.stop();
});

async function decide(store: CounterStore, decision: Decision, times = 1): Promise<readonly Outcome[]> {
  const outcomes = await store.decide(
    Array.from({ length: times }, () => decision),
    undefined,
  );
  return outcomes.map((outcome) => {
    if (outcome instanceof StoreUnavailable) throw outcome;
    return outcome;
  });
}

function makeDecision(subject: string, requests: number, windowSeconds: number, hits = 1): Decision {
  return { charges: [{ subject, limit: makeLeasedLimit(requests, windowSeconds), hits }] };
}

describe('a node that leases slices of a limit', () => {
  it('grants most hits of a hot counter without asking the store', async () => {
    const store = new LeasingStore(counting, silentLogger);
    const decision = makeDecision('hot', 1_000_000, 3600);
    reached = 0;
    const sources = new Map<string, number>();
    const until = performance.now() + 1500;
    while (performance.now() < until) {
      for (const { source } of await decide(store, decision, 50)) sources.set(source, (sources.get(source) ?? 0) + 1);
      await sleep(1);
    }
    await store.close();
    expect(sources.get('lease')).toBeGreaterThan(10 * (sources.get('redis') ?? 0));
    expect(reached).toBeLessThan((sources.get('lease') ?? 0) / 10);
  });

  it('leases nothing for counters with little demand', async () => {
    const store = new LeasingStore(counting, silentLogger);
    for (let i = 0; i < 20; i++) {
      expect((await decide(store, makeDecision(`rare${i}`, 1000, 60)))[0]?.source).toBe('redis');
    }
    await store.close();
  });

  it('never exceeds the limit in any window together with others, and uses nearly all of it', async () => {
    const [requests, windowSeconds] = [400, 2];
    const decision = makeDecision('rolling', requests, windowSeconds);
    const stores = [1, 2, 3].map(() => new LeasingStore(redis, silentLogger));
    const grants: { readonly asked: number; readonly answered: number }[] = [];
    const until = performance.now() + 7000;
    const load = async (store: LeasingStore, pause: number) => {
      while (performance.now() < until) {
        const asked = performance.now();
        const outcomes = await decide(store, decision, 5);
        const answered = performance.now();
        for (const { granted } of outcomes) if (granted) grants.push({ asked, answered });
        await sleep(pause);
      }
    };
    await Promise.all(stores.map((store, i) => load(store, 5 + 7 * i)));
    await Promise.all(stores.map((store) => store.close()));
    // Only hits that were both requested and answered within a window were certainly granted in it.
    const within = (start: number) =>
      grants.filter(({ asked, answered }) => asked >= start && answered < start + windowSeconds * 1000).length;
    const max = Math.max(...grants.map(({ asked }) => within(asked)));
    expect(max).toBeLessThanOrEqual(requests);
    expect(grants.length).toBeGreaterThan(2.5 * requests);
  });

  it('refunds its unspent hits when a slice ends, and when the store closes', async () => {
    const decision = makeDecision('unspent', 10_000, 8);
    const store = new LeasingStore(redis, silentLogger);
    let granted = 0;
    for (let i = 0; i < 40; i++) granted += (await decide(store, decision, 20)).length;
    await sleep(50);
    await store.close();
    const [peeked] = await decide(redis, makeDecision('unspent', 10_000, 8, 0));
    expect(peeked?.charges[0]?.remaining).toBe(10_000 - granted);
  });

  it('ends its slices at a block or a reset: at once where the change is made, and soon elsewhere', async () => {
    const stores = [1, 2].map(() => new LeasingStore(redis, silentLogger));
    const [here, there] = stores;
    if (here === undefined || there === undefined) throw new Error('the test needs two stores');
    const decision = makeDecision('by-hand', 100_000, 3600);
    const lease = async (store: CounterStore) => {
      await waitUntil(async () => (await decide(store, decision, 40)).some(({ source }) => source === 'lease'));
    };
    await Promise.all([lease(here), lease(there)]);
    const [{ subject, limit }] = decision.charges as [Charge];
    await here.correct([{ subject, limit, change: { kind: 'block', microseconds: 60_000_000 } }]);
    expect((await decide(here, decision, 20)).some(({ granted }) => granted)).toBe(false);
    await waitUntil(async () => !(await decide(there, decision)).some(({ granted }) => granted));
    expect((await decide(there, decision, 20)).some(({ granted }) => granted)).toBe(false);
    await here.correct([{ subject, limit, change: { kind: 'reset' } }]);
    for (const store of stores) expect((await decide(store, decision)).every(({ granted }) => granted)).toBe(true);
    const [peeked] = await decide(redis, makeDecision('by-hand', 100_000, 3600, 0));
    expect(peeked?.charges[0]?.remaining).toBe(100_000 - 2);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('grants no more than the limit where the store rejects the rest', async () => {
    const store = new LeasingStore(redis, silentLogger);
    const decision = makeDecision('small', 100, 3600);
    const outcomes = [];
    for (let i = 0; i < 30; i++) outcomes.push(...(await decide(store, decision, 10)));
    expect(outcomes.filter(({ granted }) => granted)).toHaveLength(100);
    await store.close();
  });
});
