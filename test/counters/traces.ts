import fc from 'fast-check';
import { type CountedLimit, parseLimit } from '../../src/core/limit.ts';
import type { Charge } from '../../src/decide/ports.ts';

/** Noon of a day in 2026, in µs; far from any hour's end. */
export const NOON = Date.UTC(2026, 2, 14, 12, 20) * 1000;
export const SECOND = 1_000_000;

export function limitOf(requests: number, window: string, algorithm = 'sliding_window', name = 'burst'): CountedLimit {
  const limit = parseLimit({ name, requests, window, algorithm });
  if (!('identity' in limit)) throw new Error(limit.map(({ description }) => description).join());
  return limit;
}

export function chargeOf(subject: string, limit: CountedLimit, hits = 1): Charge {
  return { subject, limit, hits };
}

/** One step of a trace: `wait` µs pass (below 0: the clock is set back), then the decision is asked for. */
export interface Step {
  readonly wait: number;
  readonly charges: readonly Charge[];
}

/** Waits that matter for a window: nothing, a µs, about a sub-bucket, about the window, anything between. */
export function waits(windowSeconds: number): fc.Arbitrary<number> {
  const window = windowSeconds * SECOND;
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.constant(1) },
    { weight: 6, arbitrary: fc.integer({ min: 0, max: window / 16 }) },
    { weight: 2, arbitrary: fc.constant(window / 16) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: window }) },
    { weight: 1, arbitrary: fc.constantFrom(window - 1, window, window + 1) },
  );
}
