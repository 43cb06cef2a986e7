import { expect } from 'vitest';

// Assertions for properties that compare millions of values. `expect` takes microseconds even if it passes, so it is
// called only to report a failure.

export function expectSame<T>(actual: T, expected: T): void {
  if (!Object.is(actual, expected)) expect(actual).toBe(expected);
}

export function expectAtLeast(actual: number, min: number): void {
  if (!(actual >= min)) expect(actual).toBeGreaterThanOrEqual(min);
}

export function expectAtMost(actual: number, max: number): void {
  if (!(actual <= max)) expect(actual).toBeLessThanOrEqual(max);
}

export function expectBelow(actual: number, bound: number): void {
  if (!(actual < bound)) expect(actual).toBeLessThan(bound);
}
