import { describe, expect, it } from 'vitest';
import { readMonotonicMicros, readSystemMicros } from './clocks.ts';

describe.each([
  ['system', readSystemMicros],
  ['monotonic', readMonotonicMicros],
] as const)('the %s clock', (_, read) => {
  it('reads whole microseconds and never runs backwards', () => {
    const first = read();
    const second = read();
    expect(Number.isSafeInteger(first)).toBe(true);
    expect(second).toBeGreaterThanOrEqual(first);
  });
});

it('the system clock counts from 1970', () => {
  expect(Math.abs(readSystemMicros() / 1000 - Date.now())).toBeLessThan(60_000);
});
