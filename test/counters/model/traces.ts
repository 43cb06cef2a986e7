import fc from 'fast-check';
import { SECOND } from './builders.ts';

/** How many random traces a property plays for each algorithm. The seed makes them the same in each run. */
export const TRACE_RUNS = { numRuns: 2_000, seed: 20_261_121 };

/**
 * Waits that matter for a window, in µs: nothing, a µs, about a sub-bucket, about the window, and anything in between.
 */
export function waits(windowSeconds: number): fc.Arbitrary<number> {
  const window = windowSeconds * SECOND;
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.constant(1) },
    { weight: 6, arbitrary: fc.integer({ min: 0, max: window / 16 }) },
    { weight: 2, arbitrary: fc.constant(window / 16) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: window }) },
    { weight: 1, arbitrary: fc.constantFrom(window - 1, window, window + 1, window + window / 16) },
  );
}

/**
 * Negative steps of a clock that is set back, in µs: by moments, by about an eighth of the window, and by more than all
 * of it.
 */
export function clockStepsBack(windowSeconds: number): fc.Arbitrary<number> {
  const window = windowSeconds * SECOND;
  return fc.oneof(
    fc.constantFrom(-1, -1000, -window / 16, -window / 8, 1 - window / 8, -1 - window / 8, -window, -5 * window),
    fc.integer({ min: Math.ceil(-window / 8), max: -1 }),
    fc.integer({ min: -3 * window, max: -1 }),
  );
}
