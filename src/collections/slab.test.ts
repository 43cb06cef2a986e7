import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TRACES } from '../../test/counters/model/traces.ts';
import { NONE } from './hash-index.ts';
import { powerOfTwo, quarterOfPower, Slab } from './slab.ts';

const length = fc.oneof(
  fc.constantFrom(0, 1, 13, 14, 15, 30, 31, 65_535),
  fc.integer({ min: 0, max: 900 }),
  fc.integer({ min: 0, max: 65_535 }),
);
const step = fc.record({
  action: fc.constantFrom('add', 'add', 'remove'),
  place: fc.nat(),
  length,
  byte: fc.integer({ min: 0, max: 255 }),
});

function contentsOf(slab: Slab, piece: number): Uint8Array {
  const start = slab.startOf(piece);
  return slab.pageOf(piece).slice(start, start + slab.lengthOf(piece));
}

function piecesOf(slab: Slab): number[] {
  const pieces: number[] = [];
  for (let piece = slab.after(NONE); piece !== NONE; piece = slab.after(piece)) pieces.push(piece);
  return pieces;
}

describe.each([
  { grain: 32, size: powerOfTwo },
  { grain: 8, size: quarterOfPower },
])('a slab of $grain bytes a grain', ({ grain, size }) => {
  it('keeps every piece as it was put, whatever is added and removed meanwhile', () => {
    const property = fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const slab = new Slab({ grain, size });
      const kept = new Map<number, Uint8Array>();
      for (const { action, place, length, byte } of steps) {
        const content = new Uint8Array(length).fill(byte);
        const piece = [...kept.keys()][place % Math.max(1, kept.size)];
        if (action === 'add' || piece === undefined) {
          const added = slab.add(content, length);
          expect(kept.has(added)).toBe(false);
          kept.set(added, content);
          continue;
        }
        kept.delete(piece);
        slab.remove(piece);
      }
      const walked = piecesOf(slab);
      expect([...kept.keys()].filter((piece) => !walked.includes(piece))).toEqual([]);
      for (const [piece, content] of kept) {
        if (Buffer.compare(contentsOf(slab, piece), content) !== 0) expect.fail(`piece ${piece} is not as it was put`);
      }
    });
    fc.assert(property, { ...TRACES, numRuns: 1000 });
  });

  it.each([1, 2, 3])('keeps a piece that does not fit any more where %i grains are left of a page', (left) => {
    const slab = new Slab({ grain, size });
    for (let grains = 0; grains < (1 << 20) / grain - left; grains++) slab.add(new Uint8Array(grain - 2), grain - 2);
    const content = new Uint8Array(grain * (left + 1) - 2).fill(7);
    const piece = slab.add(content, content.length);
    expect(contentsOf(slab, piece)).toEqual(content);
    expect(slab.bytes).toBe(2 << 20);
    expect(piecesOf(slab)).toHaveLength((1 << 20) / grain - left + 1);
    expect(piecesOf(slab).at(-1)).toBe(piece);
  });

  it('puts new pieces where others of their size were, and takes no more from the system', () => {
    const slab = new Slab({ grain, size });
    const content = new Uint8Array(100);
    const pieces = Array.from({ length: 20_000 }, () => slab.add(content, 100));
    const { bytes } = slab;
    for (let round = 0; round < 5; round++) {
      for (const [i, piece] of pieces.entries()) {
        slab.remove(piece);
        pieces[i] = slab.add(content, 97 + round);
      }
    }
    expect(slab.bytes).toBe(bytes);
  });
});

it('rounds to sizes that are few, and leaves at most half of a piece empty, or a quarter', () => {
  const grains = Array.from({ length: 2048 }, (_, index) => index + 1);
  for (const [size, most] of [
    [powerOfTwo, 2],
    [quarterOfPower, 1.25],
  ] as const) {
    const sizes = grains.map(size);
    expect(grains.every((each, place) => (sizes[place] ?? 0) >= each && (sizes[place] ?? 0) < each * most)).toBe(true);
    expect(sizes.map(size)).toEqual(sizes);
  }
  expect(new Set(grains.map(powerOfTwo)).size).toBe(12);
  expect(new Set(grains.map(quarterOfPower)).size).toBe(40);
});
