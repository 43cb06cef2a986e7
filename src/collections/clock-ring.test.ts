import { expect, it } from 'vitest';
import { ClockRing } from './clock-ring.ts';

function fill(names: readonly string[]): ClockRing<{ name: string; wasUsed: boolean }> {
  const ring = new ClockRing<{ name: string; wasUsed: boolean }>(names.length);
  for (const name of names) ring.set(ring.nextSlot(), { name, wasUsed: false });
  return ring;
}

it('uses all empty slots first, also if entries in others are not in use', () => {
  const ring = new ClockRing<{ wasUsed: boolean }>(3);
  const slots = [0, 1, 2].map(() => {
    const slot = ring.nextSlot();
    expect(ring.get(slot)).toBeUndefined();
    ring.set(slot, { wasUsed: false });
    return slot;
  });
  expect(slots).toEqual([0, 1, 2]);
});

it('evicts entries in turn if none is in use', () => {
  const ring = fill(['a', 'b', 'c']);
  expect([0, 1, 2, 3].map(() => ring.get(ring.nextSlot())?.name)).toEqual(['a', 'b', 'c', 'a']);
});

it('passes an entry that was used, once', () => {
  const ring = fill(['a', 'b', 'c']);
  const first = ring.get(0);
  if (first === undefined) throw new Error('slot 0: must have an entry');
  first.wasUsed = true;
  expect([0, 1, 2].map(() => ring.get(ring.nextSlot())?.name)).toEqual(['b', 'c', 'a']);
});

it('evicts the first entry if all were used', () => {
  const ring = fill(['a', 'b', 'c']);
  for (const slot of [0, 1, 2]) ring.set(slot, { name: `${slot}`, wasUsed: true });
  expect(ring.nextSlot()).toBe(0);
});
