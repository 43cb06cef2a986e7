import { expect, it } from 'vitest';
import { elementAt } from './element-at.ts';

it('returns the element at the index, also one that is undefined', () => {
  expect(elementAt(['a', 'b'], 1)).toBe('b');
  expect(elementAt([undefined], 0)).toBeUndefined();
});

it.each([-1, 2, Number.NaN])('throws for the index %d of two elements', (index) => {
  expect(() => elementAt(['a', 'b'], index)).toThrow(`index: must be at least 0 and below 2 (got ${index})`);
});
