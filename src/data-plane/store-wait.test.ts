import { expect, it } from 'vitest';
import { computeStoreWait } from './store-wait.ts';

const WAIT = { defaultMs: 15, maxMs: 50 };
const NOW = 1000;

it.each([
  ['the default without a deadline of the caller', undefined, undefined],
  ['the default if the caller waits for 20 ms, as the rate limit filter of Envoy does', 20, undefined],
  ['what is left of the deadline, less 5 ms for the reply', 40, 35],
  ['the maximum if the caller waits longer', 250, 50],
  ['the default if the deadline has passed', -1, undefined],
])('a decision waits for the counters for %s', (_, leftMs, expected) => {
  expect(computeStoreWait(leftMs === undefined ? undefined : NOW + leftMs, NOW, WAIT)).toBe(expected);
});

it('a decision waits for the default if that is more than the maximum', () => {
  expect(computeStoreWait(NOW + 10_000, NOW, { defaultMs: 100, maxMs: 50 })).toBeUndefined();
});
