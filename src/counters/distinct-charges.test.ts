import { expect, it } from 'vitest';
import type { SlidingWindowLimit } from '../domain/limits/limit.ts';
import { distinctCharges } from './distinct-charges.ts';

function limitOf(requests: number): SlidingWindowLimit {
  return { name: 'a', algorithm: 'sliding_window', requests, windowSeconds: 60, identity: 'a/sliding_window/60' };
}

it('leaves charges alone that are on different counters', () => {
  const charges = ['a', 'b'].map((subject) => ({ subject, limit: limitOf(5), hits: 1 }));
  expect(distinctCharges(charges)).toEqual({ charges, places: undefined });
});

it('sums charges on the same counter under the lowest of their limits', () => {
  const charges = [5, 3, 4].map((requests) => ({ subject: 'a', limit: limitOf(requests), hits: 2 }));
  const other = { subject: 'b', limit: limitOf(5), hits: 1 };
  expect(distinctCharges([...charges.slice(0, 1), other, ...charges.slice(1)])).toEqual({
    charges: [{ subject: 'a', limit: limitOf(3), hits: 6, isSettlement: false }, other],
    places: [0, 1, 0, 0],
  });
});
