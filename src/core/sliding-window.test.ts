import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SlidingWindowLimit } from './limit.ts';
import { MOST_EXACT_REQUESTS, slidingWindowTerm } from './sliding-window.ts';
import { charge, emptyTally, usedAt, waitFor, waitForAll } from './tally.ts';

const START = 1_773_490_800_000_000;
const RUNS = 10_000;

interface Trace {
  readonly limit: SlidingWindowLimit;
  readonly steps: readonly { readonly wait: number; readonly hits: number }[];
}

/** Every grant that was ever made: too much to keep for a service, and easy to see right. */
class ExactLog {
  readonly #grants: { readonly time: number; readonly hits: number }[] = [];

  add(time: number, hits: number): void {
    this.#grants.push({ time, hits });
  }

  /** Hits of the rolling window of this length that ends with `time`. */
  within(length: number, time: number): number {
    return this.#grants.reduce((sum, grant) => (grant.time > time - length ? sum + grant.hits : sum), 0);
  }
}

function traces(smallest: number, largest: number): fc.Arbitrary<Trace> {
  const limit = fc
    .record({ requests: fc.integer({ min: smallest, max: largest }), windowSeconds: fc.constantFrom(1, 7, 60, 3600) })
    .map((chosen) => ({ ...chosen, name: 'burst', algorithm: 'sliding_window' as const, identity: 'burst' }));
  return limit.chain((chosen) => {
    const window = chosen.windowSeconds * 1_000_000;
    const wait = fc.oneof(
      fc.constantFrom(0, 0, 1, window / 16, window - 1, window, window + window / 16),
      fc.integer({ min: 0, max: window / 8 }),
      fc.integer({ min: 0, max: window }),
    );
    const hits = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: Math.ceil(chosen.requests / 2) }));
    return fc.record({ limit: fc.constant(chosen), steps: fc.array(fc.record({ wait, hits }), { maxLength: 60 }) });
  });
}

/** Plays a trace and hands every step, before it is charged, to `check`. */
function play(
  { limit, steps }: Trace,
  check: (step: { time: number; hits: number; used: number; isGranted: boolean; log: ExactLog }) => void,
): void {
  const term = slidingWindowTerm(limit);
  const tally = emptyTally();
  const log = new ExactLog();
  let time = START;
  for (const { wait, hits } of steps) {
    time += wait;
    const used = usedAt(tally, time);
    const isGranted = used + hits <= limit.requests;
    check({ time, hits, used, isGranted, log });
    if (!isGranted) {
      expectRetryToBeTrue(limit, tally, hits, time);
      continue;
    }
    charge(tally, term, time, hits);
    log.add(time, hits);
    expect(usedAt(tally, time + waitForAll(tally, time, time))).toBe(0);
    expect(tally.ends.length).toBeLessThanOrEqual(limit.requests <= MOST_EXACT_REQUESTS ? limit.requests : 17);
  }
}

function expectRetryToBeTrue(
  { requests }: SlidingWindowLimit,
  tally: ReturnType<typeof emptyTally>,
  hits: number,
  time: number,
): void {
  const retryAt = time + (waitFor(tally, requests, hits, time) ?? Number.NaN);
  expect(usedAt(tally, retryAt - 1) + hits).toBeGreaterThan(requests);
  expect(usedAt(tally, retryAt) + hits).toBeLessThanOrEqual(requests);
}

describe('sliding_window against an exact log of all grants', () => {
  it(`up to ${MOST_EXACT_REQUESTS}: grants just when the log has room; retryAfter is refused just before, granted at it`, () => {
    fc.assert(
      fc.property(traces(1, MOST_EXACT_REQUESTS), (trace) => {
        const { requests, windowSeconds } = trace.limit;
        play(trace, ({ time, hits, isGranted, log }) => {
          expect(isGranted).toBe(log.within(windowSeconds * 1_000_000, time) + hits <= requests);
        });
      }),
      { numRuns: RUNS },
    );
  });

  it(`above ${MOST_EXACT_REQUESTS}: never over in any rolling window, under by at most one sub-bucket`, () => {
    fc.assert(
      fc.property(traces(MOST_EXACT_REQUESTS + 1, 2000), (trace) => {
        const window = trace.limit.windowSeconds * 1_000_000;
        play(trace, ({ time, used, log }) => {
          expect(used).toBeGreaterThanOrEqual(log.within(window, time));
          expect(used).toBeLessThanOrEqual(log.within(window + window / 16, time));
        });
      }),
      { numRuns: RUNS },
    );
  });
});
