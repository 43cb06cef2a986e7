import { randomUUID } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import { type DecisionResult, StoreUnavailable } from '../../../src/decide/ports.ts';
import { makeLimit } from '../model/builders.ts';
import { ClockedNode } from './clocked-node.ts';
import { countOver, type LoadAnswer } from './load-through-pauses.ts';

const LIMITS = [
  makeLimit(5, '2s', { name: 'small' }),
  makeLimit(40, '2s'),
  makeLimit(400, '2s', { name: 'large' }),
  makeLimit(40, '2s', { algorithm: 'concurrency' }),
];
/**
 * Time between two calls, longer than one takes. While Redis answers, they come faster than during a pause: so a hit that
 * ends too early in Redis lets another one in too early.
 */
const INTERVAL_MS = 1.5;
const INTERVAL_IN_PAUSE_MS = 6;
/** The circuit breaker opens this long after the beginning of a pause. */
const BREAKER_OPENS_AFTER_MS = 200;

let node: ClockedNode;

beforeAll(async () => {
  node = await ClockedNode.open();
  return () => node.close();
});

it.each([
  [300, [310, 700, 1110]],
  [1000, [400, 830, 1200]],
  [5000, [400, 2900]],
])(
  'one node grants none over its limits through pauses of %d ms, and charges late what still counts',
  async (pauseMs, waits) => {
    const subject = randomUUID();
    const decisions = LIMITS.map((limit) => ({ charges: [{ subject, limit, hits: 1 }] }));
    const answers = LIMITS.map((): LoadAnswer[] => []);
    const start = node.now;
    let passedMs = 0;
    const load = async (durationMs: number, intervalMs: number) => {
      for (const until = passedMs + durationMs; passedMs < until; ) {
        passedMs += intervalMs;
        await node.setClock(start + passedMs * 1000);
        const results = await node.store.decide(decisions, undefined);
        for (const [index, result] of results.entries()) answers[index]?.push(toAnswer(result, passedMs));
      }
    };
    for (const waitMs of waits) {
      await load(waitMs, INTERVAL_MS);
      node.pause();
      await load(BREAKER_OPENS_AFTER_MS, INTERVAL_IN_PAUSE_MS);
      node.openBreaker();
      await load(pauseMs - BREAKER_OPENS_AFTER_MS, INTERVAL_IN_PAUSE_MS);
      await node.resume();
    }
    await load(3000, INTERVAL_MS);
    expect(LIMITS.map((limit, index) => countOver(answers[index] ?? [], limit))).toEqual([0, 0, 0, 0]);
    expect(node.tally.lateHits).toBeGreaterThan(0);
  },
);

function toAnswer(result: DecisionResult, sentAt: number): LoadAnswer {
  if (result instanceof StoreUnavailable) throw result;
  return {
    node: 0,
    sentAt,
    completedAt: sentAt + ClockedNode.roundTripMs,
    granted: result.granted,
    source: result.source,
  };
}
