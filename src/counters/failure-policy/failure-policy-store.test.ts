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
const uncounted = makeLimit('allow_uncounted');
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

/** Opens a failure policy store. `setup` can change what is away at any time. */
function open({ maxCounters = 1000 } = {}) {
  const setup = { isAway: (_: string): boolean => false };
  const now = () => NOON;
  const remoteMemory = new MemoryStore({ now, maxCounters: 1000, source: 'redis' });
  const localMemory = new MemoryStore({ now, maxCounters, source: 'fail-local' });
  const store = new FailurePolicyStore({
    remote: makeRemote(remoteMemory, (subject) => setup.isAway(subject)),
    local: localMemory,
  });
  const decide = async (...decisions: readonly Decision[]) =>
    (await store.decide(decisions, undefined)).map((result) =>
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
        makeDecision(99, uncounted),
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
    const [result] = await store.decide([makeDecision(2, allow, local, allow)], undefined);
    expect(requireOutcome(result).charges.map(({ remaining }) => remaining)).toEqual([8, 10, 8]);
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

  it('credits are denied rather than granted by a node that does not know what is left, unless they say allow', async () => {
    const { setup, decide, remoteMemory } = open();
    setup.isAway = allAway;
    const credits: CountedLimit = { name: 'c', identity: 'c/b', algorithm: 'credits', requests: 9 };
    const locally: CountedLimit = { ...credits, onStoreFailure: 'local' };
    const allowing: CountedLimit = { ...credits, onStoreFailure: 'allow' };
    expect(await decide(makeDecision(1, credits), makeDecision(1, locally), makeDecision(1, allowing))).toEqual([
      'StoreUnavailable',
      'StoreUnavailable',
      'granted by fail-open',
    ]);
    expect(remoteMemory.size).toBe(0);
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
    const { setup, store, remoteMemory, localMemory } = open();
    const grant = async (decision: Decision) => {
      const [result] = await store.decide([decision], undefined);
      return createReceipt(undefined, decision.charges, requireOutcome(result));
    };
    const before = await grant(makeDecision(3, local));
    setup.isAway = allAway;
    const during = await grant(makeDecision(2, local));
    const free = await grant(makeDecision(1, allow));
    setup.isAway = () => false;
    expect(await store.refund([during, free, before])).toEqual([2, 1, 3]);
    for (const memory of [remoteMemory, localMemory]) {
      const [result] = memory.decide([makeDecision(0, local)]);
      expect(requireOutcome(result).charges[0]?.remaining).toBe(12);
    }
  });

  it('no limit with the policy deny is decided, and only limits with the policy allow_uncounted are not counted', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.array(fc.constantFrom(withoutPolicy, local, allow, uncounted, deny), { minLength: 1, maxLength: 3 }),
        ),
        async (limitLists) => {
          const { setup, store, localMemory } = open();
          setup.isAway = allAway;
          const decisions = limitLists.map((limits) => makeDecision(1, ...new Set(limits)));
          const granted = { local: 0, allow: 0 };
          for (const [index, result] of (await store.decide(decisions, undefined)).entries()) {
            const limits = decisions[index]?.charges.map(({ limit }) => limit) ?? [];
            expect(result instanceof StoreUnavailable).toBe(limits.includes(deny));
            if (result instanceof Error) continue;
            expect(result.charges).toHaveLength(limits.length);
            if (result.granted && limits.includes(local)) granted.local++;
            if (result.granted && limits.includes(allow)) granted.allow++;
          }
          expect(granted.local).toBeLessThanOrEqual(12);
          const remaining = [allow, uncounted].map((limit) => {
            const [peeked] = localMemory.decide([makeDecision(0, limit)]);
            return requireOutcome(peeked).charges[0]?.remaining;
          });
          expect(remaining).toEqual([Math.max(0, 12 - granted.allow), 12]);
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
    const store = new FailurePolicyStore({ remote, local: memory });
    const missing = 'index: must be at least 0 and below 1 (got 1)';
    await expect(store.decide([makeDecision(1, local), makeDecision(1, local)], undefined)).rejects.toThrow(missing);
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
