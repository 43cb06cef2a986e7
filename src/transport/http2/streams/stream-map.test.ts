import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamMap } from './stream-map.ts';

/** One step: a stream is added, and others may end. Its id is the next one, or far away so that slots collide. */
const step = fc.record({
  gap: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.constantFrom(8, 16, 64, 512, 1024)),
  /** The index of the open stream that ends, modulo their number; null: none ends. */
  endingIndex: fc.option(fc.nat()),
  endsAll: fc.nat({ max: 60 }).map((chance) => chance === 0),
});

describe('a stream map', () => {
  it('finds every open stream and no other, whatever was added and deleted before', () => {
    const property = fc.property(fc.array(step, { maxLength: 1500, size: 'max' }), (steps) => {
      const streams = new StreamMap<{ readonly id: number }>();
      const open: { readonly id: number }[] = [];
      const end = (index: number) => {
        for (const { id } of open.splice(index, 1)) {
          streams.delete(id);
          expect(streams.get(id)).toBeUndefined();
        }
      };
      let id = -1;
      for (const { gap, endingIndex, endsAll } of steps) {
        id += 2 * gap;
        expect(streams.get(id)).toBeUndefined();
        streams.delete(id);
        const added = { id };
        streams.add(added);
        open.push(added);
        if (endingIndex !== null) end(endingIndex % open.length);
        while (endsAll && open.length > 0) end(0);
        expect(streams.size).toBe(open.length);
      }
      for (const stream of open) expect(streams.get(stream.id)).toBe(stream);
      expect([...streams.values()].toSorted((a, b) => a.id - b.id)).toEqual(open);
    });
    fc.assert(property, { numRuns: 200 });
  });
});
