import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HashIndex, NONE } from './hash-index.ts';

/** Few hashes and close to each other, so that searches pass the slots of others and wrap around the end. */
const hash = fc.oneof(
  fc.constantFrom(0, 1, 14, 15, 16, 31, 0xffffffff, 0xffffff0f),
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 0xffffffff }),
);
const step = fc.record({ removes: fc.boolean(), choice: fc.nat(), hash });

it('finds exactly the numbers that were added and not removed', () => {
  const property = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
    const index = new HashIndex();
    const hashes = new Map<number, number>();
    for (const [number, { removes, choice, hash }] of steps.entries()) {
      const other = [...hashes.keys()][choice % Math.max(1, hashes.size)];
      if (removes && other !== undefined) {
        index.remove(hashes.get(other) ?? 0, other);
        hashes.delete(other);
      }
      index.add(hash, number);
      hashes.set(number, hash);
    }
    for (const [number] of steps.entries()) {
      const kept = hashes.get(number);
      const found = index.find(kept ?? steps[number]?.hash ?? 0, (candidate) => candidate === number);
      expect(found).toBe(kept === undefined ? NONE : number);
    }
  });
  fc.assert(property, { numRuns: 300 });
});

it('keeps many numbers with the same hash apart', () => {
  const index = new HashIndex();
  for (let number = 0; number < 1000; number++) index.add(7, number);
  for (let number = 0; number < 1000; number += 2) index.remove(7, number);
  expect([998, 999].map((number) => index.find(7, (candidate) => candidate === number))).toEqual([NONE, 999]);
});

it('throws when it removes a number that it does not contain', () => {
  const index = new HashIndex();
  index.add(7, 1);
  expect(() => index.remove(7, 2)).toThrow('number: must be in the index (got 2)');
});
