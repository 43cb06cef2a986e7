import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CounterStore,
  type Decision,
  type DecisionResult,
  type Outcome,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { createReceipt } from '../../decide/receipts/receipt.ts';
import type { CountedLimit, StoreFailurePolicy } from '../../domain/limits/limit.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import { FailurePolicyStore } from './failure-policy-store.ts';

const NOON = Date.UTC(2026, 2, 14, 12) * 1000;

function makeLimit(onStoreFailure?: StoreFailurePolicy, requests = 12): CountedLimit {
  const name = onStoreFailure ?? 'no-policy';
  const limit = { name, algorithm: 'sliding_window', requests, windowSeconds: 60, identity: name } as const;
  return onStoreFailure === undefined ? limit : { ...limit, onStoreFailure };
}

const withoutPolicy = makeLimit();
const local = makeLimit('local');
const allow = makeLimit('allow');
const deny = makeLimit('deny');

const owing: CountedLimit = { ...local, chargeRejected: true };

function makeDecision(hits: number, ...limits: readonly CountedLimit[]): Decision {
  return { charges: limits.map((limit) => ({ subject: 'a', limit, hits })) };
}

/** Returns a remote store that is unavailable for some subjects, as a cluster is for the subjects of one master. */
function makeRemote(memory: MemoryStore, isAway: (subject: string) => boolean): CounterStore {
  const isUnavailable = ({ charges }: Decision) => charges.some(({ subject }) => isAway(subject));
  return {
    decide: async (decisions) => {
      const decided = memory.decide(decisions.filter((decision) => !isUnavailable(decision))).values();
      return decisions.map((decision) =>
        isUnavailable(decision) ? new StoreUnavailable('away') : requireOutcome(decided.next().value),
      );
    },
    refund: (receipts) => memory.refund(receipts),
    correct: async (corrections) =>
      corrections.some(({ subject }) => isAway(subject))
        ? corrections.map(() => new StoreUnavailable('away'))
        : memory.correct(corrections),
  };
}

function requireOutcome(result: DecisionResult | undefined): Outcome {
  if (result === undefined || result instanceof StoreUnavailable) throw result ?? new Error('no outcome');
  return result;
}

/** Opens a failure policy store. `setup` can change the number of nodes and what is away at any time. */
function open({ nodes = 1, maxCounters = 1000 } = {}) {
  const setup = { nodes, isAway: (_: string): boolean => false };
  const now = () => NOON;
  const remoteMemory = new MemoryStore({ now, maxCounters: 1000, source: 'redis' });
  const localMemory = new MemoryStore({ now, maxCounters, source: 'fail-local' });
  const store = new FailurePolicyStore({
    remote: makeRemote(remoteMemory, (subject) => setup.isAway(subject)),
    local: localMemory,
    liveNodes: () => setup.nodes,
  });
  const decide = async (...decisions: readonly Decision[]) =>
    (await store.decide(decisions)).map((result) =>
      result instanceof Error ? result.name : `${result.granted ? 'granted' : 'rejected'} by ${result.source}`,
    );
  return { setup, store, remoteMemory, localMemory, decide };
}

const allAway = () => true;

describe('while the remote counters are unavailable', () => {
  it('the policies of its limits decide each decision', async () => {
    const { setup, decide } = open();
    setup.isAway = allAway;
    expect(
      await decide(
        makeDecision(13, withoutPolicy),
        makeDecision(12, withoutPolicy),
        makeDecision(12, local),
        makeDecision(1, local),
        makeDecision(99, allow),
        makeDecision(1, deny),
        makeDecision(1, allow, deny),
        makeDecision(1, allow, local),
        makeDecision(1, local, deny),
      ),
    ).toEqual([
      'rejected by fail-local',
      'granted by fail-local',
      'granted by fail-local',
      'rejected by fail-local',
      'granted by fail-open',
      'StoreUnavailable',
      'StoreUnavailable',
      'rejected by fail-local',
      'StoreUnavailable',
    ]);
  });

  it('decisions that the remote store could decide keep their results', async () => {
    const { setup, decide } = open();
    setup.isAway = (subject) => subject === 'a';
    const b = { charges: [{ subject: 'b', limit: local, hits: 12 }] };
    expect(await decide(b, makeDecision(12, local), b)).toEqual([
      'granted by redis',
      'granted by fail-local',
      'rejected by redis',
    ]);
  });

  it('an outcome has every charge of the decision, in order', async () => {
    const { setup, store } = open();
    setup.isAway = allAway;
    const [result] = await store.decide([makeDecision(2, allow, local, allow)]);
    expect(requireOutcome(result).charges.map(({ remaining }) => remaining)).toEqual([12, 10, 12]);
  });

  it('rejected requests are charged to this node’s counters, if their limits charge them', async () => {
    const { setup, decide } = open();
    setup.isAway = allAway;
    expect(await decide(makeDecision(13, owing), makeDecision(0, owing), makeDecision(1, owing))).toEqual([
      'rejected by fail-local',
      'rejected by fail-local',
      'rejected by fail-local',
    ]);
  });

  it('each node grants its share of a limit, and at least one hit', async () => {
    const { setup, decide } = open({ nodes: 5 });
    setup.isAway = allAway;
    const small: CountedLimit = { ...makeLimit('local', 3), identity: 'small' };
    const bucket: CountedLimit = { ...local, name: 'b', identity: 'b', algorithm: 'token_bucket', burst: 20 };
    const rejectedThenGranted = ['rejected by fail-local', 'granted by fail-local'];
    expect(await decide(makeDecision(3, local), makeDecision(2, local))).toEqual(rejectedThenGranted);
    expect(await decide(makeDecision(5, bucket), makeDecision(4, bucket))).toEqual(rejectedThenGranted);
    setup.nodes = 2;
    expect(await decide(makeDecision(5, local), makeDecision(4, local))).toEqual(rejectedThenGranted);
    setup.nodes = 50;
    expect(await decide(makeDecision(1, small))).toEqual(['granted by fail-local']);
  });

  it('a decision stays unavailable where this node has no room for its counters', async () => {
    const { setup, decide } = open({ maxCounters: 0 });
    setup.isAway = allAway;
    expect(await decide(makeDecision(1, local), makeDecision(1, allow))).toEqual([
      'StoreUnavailable',
      'granted by fail-open',
    ]);
  });

  it('a grant is refunded where it was made', async () => {
    const { setup, store, remoteMemory, localMemory } = open({ nodes: 2 });
    const grant = async (decision: Decision) => {
      const [result] = await store.decide([decision]);
      return createReceipt(undefined, decision.charges, requireOutcome(result));
    };
    const before = await grant(makeDecision(3, local));
    setup.isAway = allAway;
    const during = await grant(makeDecision(2, local));
    const uncounted = await grant(makeDecision(1, allow));
    setup.isAway = () => false;
    expect(await store.refund([during, uncounted, before])).toEqual([2, 0, 3]);
    for (const memory of [remoteMemory, localMemory]) {
      const [result] = memory.decide([makeDecision(0, local)]);
      expect(requireOutcome(result).charges[0]?.remaining).toBe(12);
    }
  });

  it('no limit with the policy deny is decided, and no limit with the policy allow is counted', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.constantFrom(withoutPolicy, local, allow, deny), { minLength: 1, maxLength: 3 })),
        fc.integer({ min: 1, max: 20 }),
        async (limitLists, nodes) => {
          const { setup, store, localMemory } = open({ nodes });
          setup.isAway = allAway;
          const decisions = limitLists.map((limits) => makeDecision(1, ...new Set(limits)));
          let granted = 0;
          for (const [index, result] of (await store.decide(decisions)).entries()) {
            const limits = decisions[index]?.charges.map(({ limit }) => limit) ?? [];
            expect(result instanceof StoreUnavailable).toBe(limits.includes(deny));
            if (result instanceof Error) continue;
            expect(result.charges).toHaveLength(limits.length);
            if (result.granted && limits.includes(local)) granted++;
          }
          expect(granted).toBeLessThanOrEqual(Math.max(1, Math.floor(12 / nodes)));
          const [peeked] = localMemory.decide([makeDecision(0, allow)]);
          expect(requireOutcome(peeked).charges[0]?.remaining).toBe(12);
        },
      ),
      { numRuns: 500 },
    ));
});

describe('a remote store that gives fewer results than it was asked for', () => {
  it('makes the call fail instead of deciding another decision', async () => {
    const remote: CounterStore = {
      decide: () => [new StoreUnavailable('away')],
      refund: async () => [],
      correct: async () => [],
    };
    const memory = new MemoryStore({ now: () => NOON, maxCounters: 1000, source: 'fail-local' });
    const store = new FailurePolicyStore({ remote, local: memory, liveNodes: () => 1 });
    const missing = 'index: must be at least 0 and below 1 (got 1)';
    await expect(store.decide([makeDecision(1, local), makeDecision(1, local)])).rejects.toThrow(missing);
  });
});

describe('correcting counters', () => {
  const block = { subject: 'a', limit: withoutPolicy, change: { kind: 'block', microseconds: 60_000_000 } } as const;

  it("also corrects this node's own counters, so that a block still holds when the remote ones are lost", async () => {
    const { setup, store, decide } = open();
    expect(await store.correct([block])).toEqual([undefined]);
    expect(await decide(makeDecision(1, withoutPolicy))).toEqual(['rejected by redis']);
    setup.isAway = allAway;
    expect(await decide(makeDecision(1, withoutPolicy))).toEqual(['rejected by fail-local']);
  });

  it('changes nothing while the remote counters are unavailable', async () => {
    const { setup, store, decide } = open();
    setup.isAway = allAway;
    expect(await store.correct([block])).toEqual([expect.any(StoreUnavailable)]);
    expect(await decide(makeDecision(1, withoutPolicy))).toEqual(['granted by fail-local']);
  });
});
