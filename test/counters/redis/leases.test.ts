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
import { silent } from '../contract/clocked-stores.ts';
import { leasedLimit } from './leased-limit.ts';
import { becomesTrue } from './waiting.ts';

let server: RunningRedis;
let redis: RedisStore;
/** How many decisions reached Redis. */
let reached = 0;
const counting: CounterStore = {
  decide: (decisions) => {
    reached += decisions.length;
    return redis.decide(decisions);
  },
  refund: (receipts) => redis.refund(receipts),
  correct: (corrections) => redis.correct(corrections),
};

beforeAll(async () => {
  server = await startRedis();
  redis = new RedisStore({ url: server.url, logger: silent, deadlineMs: 5000 });
  await becomesTrue(() => redis.ready);
});
afterAll(async () => {
  await redis?.close();
  await server?.stop();
});

async function ask(store: CounterStore, decision: Decision, times = 1): Promise<readonly Outcome[]> {
  const outcomes = await store.decide(Array.from({ length: times }, () => decision));
  return outcomes.map((outcome) => {
    if (outcome instanceof StoreUnavailable) throw outcome;
    return outcome;
  });
}

function one(subject: string, requests: number, windowSeconds: number, hits = 1): Decision {
  return { charges: [{ subject, limit: leasedLimit(requests, windowSeconds), hits }] };
}

describe('leases', () => {
  it('grant most of a hot counter without asking the store', async () => {
    const store = new LeasingStore(counting, silent);
    const decision = one('hot', 1_000_000, 3600);
    reached = 0;
    const sources = new Map<string, number>();
    const until = performance.now() + 1500;
    while (performance.now() < until) {
      for (const { source } of await ask(store, decision, 50)) sources.set(source, (sources.get(source) ?? 0) + 1);
      await sleep(1);
    }
    await store.close();
    expect(sources.get('lease')).toBeGreaterThan(10 * (sources.get('redis') ?? 0));
    expect(reached).toBeLessThan((sources.get('lease') ?? 0) / 10);
  });

  it('take nothing for counters that are asked now and then', async () => {
    const store = new LeasingStore(counting, silent);
    for (let i = 0; i < 20; i++) {
      expect((await ask(store, one(`rare${i}`, 1000, 60)))[0]?.source).toBe('redis');
    }
    await store.close();
  });

  it('never exceed the limit in any window, however slices and nodes change, and use nearly all of it', async () => {
    const [requests, windowSeconds] = [400, 2];
    const decision = one('rolling', requests, windowSeconds);
    const stores = [1, 2, 3].map(() => new LeasingStore(redis, silent));
    const grants: { readonly asked: number; readonly answered: number }[] = [];
    const until = performance.now() + 7000;
    const load = async (store: LeasingStore, pause: number) => {
      while (performance.now() < until) {
        const asked = performance.now();
        const outcomes = await ask(store, decision, 5);
        const answered = performance.now();
        for (const { granted } of outcomes) if (granted) grants.push({ asked, answered });
        await sleep(pause);
      }
    };
    await Promise.all(stores.map((store, i) => load(store, 5 + 7 * i)));
    await Promise.all(stores.map((store) => store.close()));
    // Only what was asked and answered within a window was certainly granted in it.
    const within = (start: number) =>
      grants.filter(({ asked, answered }) => asked >= start && answered < start + windowSeconds * 1000).length;
    const most = Math.max(...grants.map(({ asked }) => within(asked)));
    expect(most).toBeLessThanOrEqual(requests);
    expect(grants.length).toBeGreaterThan(2.5 * requests);
  });

  it('give back what was not spent, once the slice is over and when the store closes', async () => {
    const decision = one('unspent', 10_000, 8);
    const store = new LeasingStore(redis, silent);
    let granted = 0;
    for (let i = 0; i < 40; i++) granted += (await ask(store, decision, 20)).length;
    await sleep(50);
    await store.close();
    const [look] = await ask(redis, one('unspent', 10_000, 8, 0));
    expect(look?.charges[0]?.remaining).toBe(10_000 - granted);
  });

  it('end with a block and with a reset: at once on the node that makes it, on others within a second', async () => {
    const stores = [1, 2].map(() => new LeasingStore(redis, silent));
    const [here, there] = stores;
    if (here === undefined || there === undefined) throw new Error('two stores are needed');
    const decision = one('by-hand', 100_000, 3600);
    const lease = async (store: CounterStore) => {
      await becomesTrue(async () => (await ask(store, decision, 40)).some(({ source }) => source === 'lease'));
    };
    await Promise.all([lease(here), lease(there)]);
    const [{ subject, limit }] = decision.charges as [Charge];
    await here.correct([{ subject, limit, change: { kind: 'block', microseconds: 60_000_000 } }]);
    const blockedAt = performance.now();
    expect((await ask(here, decision, 20)).some(({ granted }) => granted)).toBe(false);
    let grantedAt = 0;
    while (performance.now() < blockedAt + 1500) {
      const askedAt = performance.now();
      if ((await ask(there, decision)).some(({ granted }) => granted)) grantedAt = askedAt;
      await sleep(10);
    }
    expect(grantedAt - blockedAt).toBeLessThan(1000);
    await here.correct([{ subject, limit, change: { kind: 'reset' } }]);
    for (const store of stores) expect((await ask(store, decision)).every(({ granted }) => granted)).toBe(true);
    const [look] = await ask(redis, one('by-hand', 100_000, 3600, 0));
    expect(look?.charges[0]?.remaining).toBe(100_000 - 2);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('are not taken of what the store refuses', async () => {
    const store = new LeasingStore(redis, silent);
    const decision = one('small', 100, 3600);
    const outcomes = [];
    for (let i = 0; i < 30; i++) outcomes.push(...(await ask(store, decision, 10)));
    expect(outcomes.filter(({ granted }) => granted)).toHaveLength(100);
    await store.close();
  });
});
