import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StreamMap } from './stream-map.ts';

/** Ids as a client may choose them: one after the other, or far apart so that many share a slot. */
const stream = fc.record({
  gap: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.constantFrom(8, 16, 64, 512, 1024)),
  /** Which of those that are open ends next, if one does. */
  ends: fc.option(fc.nat()),
  endsAll: fc.nat({ max: 60 }).map((chance) => chance === 0),
});

it('finds each stream that is open, and no other, whatever came and went', () => {
  const property = fc.property(fc.array(stream, { maxLength: 1500, size: 'max' }), (steps) => {
    const slots = new StreamMap<{ readonly id: number }>();
    const open: { readonly id: number }[] = [];
    const end = (place: number) => {
      for (const { id } of open.splice(place, 1)) {
        slots.delete(id);
        expect(slots.get(id)).toBeUndefined();
      }
    };
    let id = -1;
    for (const { gap, ends, endsAll } of steps) {
      id += 2 * gap;
      expect(slots.get(id)).toBeUndefined();
      slots.delete(id);
      const added = { id };
      slots.add(added);
      open.push(added);
      if (ends !== null) end(ends % open.length);
      while (endsAll && open.length > 0) end(0);
      expect(slots.size).toBe(open.length);
    }
    for (const each of open) expect(slots.get(each.id)).toBe(each);
    expect([...slots.values()].toSorted((one, other) => one.id - other.id)).toEqual(open);
  });
  fc.assert(property, { numRuns: 200 });
});
