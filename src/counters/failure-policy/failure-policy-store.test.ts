import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CounterStore, type Decision, type Outcome, StoreUnavailable } from '../../decide/ports.ts';
import { createReceipt } from '../../decide/receipts/receipt.ts';
import type { CountedLimit, StoreFailurePolicy } from '../../domain/limits/limit.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import { FailurePolicyStore } from './failure-policy-store.ts';

const NOON = Date.UTC(2026, 2, 14, 12) * 1000;

function limitOf(onStoreFailure?: StoreFailurePolicy, requests = 12): CountedLimit {
  const name = onStoreFailure ?? 'unsaid';
  const limit = { name, algorithm: 'sliding_window', requests, windowSeconds: 60, identity: name } as const;
  return onStoreFailure === undefined ? limit : { ...limit, onStoreFailure };
}

const [unsaid, local, allow, deny] = [undefined, 'local', 'allow', 'deny'].map((policy) =>
  limitOf(policy as StoreFailurePolicy | undefined),
) as [CountedLimit, CountedLimit, CountedLimit, CountedLimit];

function asks(hits: number, ...limits: readonly CountedLimit[]): Decision {
  return { charges: limits.map((limit) => ({ subject: 'a', limit, hits })) };
}

/** Shared counters that can be taken away, for all or for some subjects, as one master of a cluster takes its own. */
function open({ nodes = 1, mostCounters = 1000 } = {}) {
  const place = { nodes, isAway: (_: string): boolean => false };
  const now = () => NOON;
  const shared = new MemoryStore({ now, mostCounters: 1000, source: 'redis' });
  const remote: CounterStore = {
    decide: async (decisions) => {
      const isAway = ({ charges }: Decision) => charges.some(({ subject }) => place.isAway(subject));
      const outcomes = await shared.decide(decisions.filter((decision) => !isAway(decision)));
      const rest = outcomes.values();
      return decisions.map((each) => (isAway(each) ? new StoreUnavailable('away') : (rest.next().value as Outcome)));
    },
    refund: (receipts) => shared.refund(receipts),
    correct: async (corrections) => {
      const isAway = corrections.some(({ subject }) => place.isAway(subject));
      return isAway ? corrections.map(() => new StoreUnavailable('away')) : shared.correct(corrections);
    },
  };
  const own = new MemoryStore({ now, mostCounters, source: 'fail-local' });
  const store = new FailurePolicyStore({ remote, local: own, liveNodes: () => place.nodes });
  const decide = async (...decisions: readonly Decision[]) =>
    (await store.decide(decisions)).map((outcome) =>
      outcome instanceof Error ? outcome.name : `${outcome.granted ? 'granted' : 'refused'} by ${outcome.source}`,
    );
  return { place, store, shared, own, decide };
}

const allAway = () => true;

describe('while the shared counters cannot be reached', () => {
  it('each decision is decided by what its limits say', async () => {
    const { place, decide } = open();
    place.isAway = allAway;
    expect(
      await decide(
        asks(13, unsaid),
        asks(12, unsaid),
        asks(12, local),
        asks(1, local),
        asks(99, allow),
        asks(1, deny),
        asks(1, allow, deny),
        asks(1, allow, local),
        asks(1, local, deny),
      ),
    ).toEqual([
      'refused by fail-local',
      'granted by fail-local',
      'granted by fail-local',
      'refused by fail-local',
      'granted by fail-open',
      'StoreUnavailable',
      'StoreUnavailable',
      'refused by fail-local',
      'StoreUnavailable',
    ]);
  });

  it('those decisions that could be decided are left as they are', async () => {
    const { place, decide } = open();
    place.isAway = (subject) => subject === 'a';
    const b = { charges: [{ subject: 'b', limit: local, hits: 12 }] };
    expect(await decide(b, asks(12, local), b)).toEqual([
      'granted by redis',
      'granted by fail-local',
      'refused by redis',
    ]);
  });

  it('every charge has its outcome, in their order', async () => {
    const { place, store } = open();
    place.isAway = allAway;
    const [outcome] = await store.decide([asks(2, allow, local, allow)]);
    if (outcome === undefined || outcome instanceof Error) throw new Error('not decided');
    expect(outcome.charges.map(({ remaining }) => remaining)).toEqual([12, 10, 12]);
  });

  it('a node has its share of a limit, and at least one hit', async () => {
    const { place, decide } = open({ nodes: 5 });
    place.isAway = allAway;
    const small = limitOf('local', 3);
    const bucket = { ...local, name: 'b', identity: 'b', algorithm: 'token_bucket', burst: 20 } as const;
    expect(await decide(asks(3, local), asks(2, local))).toEqual(['refused by fail-local', 'granted by fail-local']);
    expect(await decide(asks(5, bucket), asks(4, bucket))).toEqual(['refused by fail-local', 'granted by fail-local']);
    place.nodes = 2;
    expect(await decide(asks(5, local), asks(4, local))).toEqual(['refused by fail-local', 'granted by fail-local']);
    place.nodes = 50;
    expect(await decide(asks(1, { ...small, identity: 'small' }))).toEqual(['granted by fail-local']);
  });

  it('a decision for which this node has no room is not decided', async () => {
    const { place, decide } = open({ mostCounters: 0 });
    place.isAway = allAway;
    expect(await decide(asks(1, local), asks(1, allow))).toEqual(['StoreUnavailable', 'granted by fail-open']);
  });

  it('a grant is given back where it was made', async () => {
    const { place, store, shared, own } = open({ nodes: 2 });
    const grant = async (decision: Decision) => {
      const [outcome] = await store.decide([decision]);
      if (outcome === undefined || outcome instanceof Error) throw new Error('not decided');
      return createReceipt(undefined, decision.charges, outcome);
    };
    const before = await grant(asks(3, local));
    place.isAway = allAway;
    const during = await grant(asks(2, local));
    const uncounted = await grant(asks(1, allow));
    place.isAway = () => false;
    expect(await store.refund([during, uncounted, before])).toEqual([2, 0, 3]);
    const look = [asks(0, local)];
    const [[inShared], [here]] = await Promise.all([shared.decide(look), own.decide(look)]);
    expect([inShared, here].map((outcome) => (outcome instanceof Error ? 0 : outcome?.charges[0]?.remaining))).toEqual([
      12, 12,
    ]);
  });

  it('nothing is decided against a limit that says deny, nor counted for one that says allow', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.constantFrom(unsaid, local, allow, deny), { minLength: 1, maxLength: 3 })),
        fc.integer({ min: 1, max: 20 }),
        async (lists, nodes) => {
          const { place, store, own } = open({ nodes });
          place.isAway = allAway;
          const decisions = lists.map((limits) => asks(1, ...new Set(limits)));
          let granted = 0;
          for (const [index, outcome] of (await store.decide(decisions)).entries()) {
            const limits = decisions[index]?.charges.map(({ limit }) => limit) ?? [];
            expect(outcome instanceof StoreUnavailable).toBe(limits.includes(deny));
            if (outcome instanceof Error) continue;
            expect(outcome.charges).toHaveLength(limits.length);
            if (outcome.granted && limits.includes(local)) granted++;
          }
          expect(granted).toBeLessThanOrEqual(Math.max(1, Math.floor(12 / nodes)));
          const [counted] = await own.decide([asks(0, allow)]);
          expect(counted instanceof Error ? undefined : counted?.charges[0]?.remaining).toBe(12);
        },
      ),
      { numRuns: 500 },
    ));
});

describe('what is done to counters by hand', () => {
  const block = { subject: 'a', limit: unsaid, change: { kind: 'block', microseconds: 60_000_000 } } as const;

  it("is done to this node's own as well, so that a block holds there when the shared ones go away", async () => {
    const { place, store, decide } = open();
    expect(await store.correct([block])).toEqual([undefined]);
    expect(await decide(asks(1, unsaid))).toEqual(['refused by redis']);
    place.isAway = allAway;
    expect(await decide(asks(1, unsaid))).toEqual(['refused by fail-local']);
  });

  it('is not done at all while the shared ones are away', async () => {
    const { place, store, decide } = open();
    place.isAway = allAway;
    expect(await store.correct([block])).toEqual([expect.any(StoreUnavailable)]);
    expect(await decide(asks(1, unsaid))).toEqual(['granted by fail-local']);
  });
});
