import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TRACE_RUNS } from '../../test/counters/model/traces.ts';
import { NONE } from './hash-index.ts';
import { roundUpToPowerOfTwo, roundUpToQuarterPower, Slab } from './slab.ts';

const length = fc.oneof(
  fc.constantFrom(0, 1, 13, 14, 15, 30, 31, 65_535),
  fc.integer({ min: 0, max: 900 }),
  fc.integer({ min: 0, max: 65_535 }),
);
const step = fc.record({
  action: fc.constantFrom('add', 'add', 'remove'),
  choice: fc.nat(),
  length,
  byte: fc.integer({ min: 0, max: 255 }),
});

function readRecord(slab: Slab, address: number): Uint8Array {
  const offset = slab.offsetAt(address);
  return slab.pageAt(address).slice(offset, offset + slab.lengthAt(address));
}

function listAddresses(slab: Slab): number[] {
  const addresses: number[] = [];
  for (let address = slab.after(NONE); address !== NONE; address = slab.after(address)) addresses.push(address);
  return addresses;
}

describe.each([
  { grainBytes: 32, roundUp: roundUpToPowerOfTwo },
  { grainBytes: 8, roundUp: roundUpToQuarterPower },
])('a slab with grains of $grainBytes bytes', ({ grainBytes, roundUp }) => {
  it('keeps every record unchanged, whatever is added and removed meanwhile', () => {
    const property = fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const slab = new Slab({ grainBytes, roundUp });
      const kept = new Map<number, Uint8Array>();
      for (const { action, choice, length, byte } of steps) {
        const content = new Uint8Array(length).fill(byte);
        const address = [...kept.keys()][choice % Math.max(1, kept.size)];
        if (action === 'add' || address === undefined) {
          const added = slab.add(content, length);
          expect(kept.has(added)).toBe(false);
          kept.set(added, content);
          continue;
        }
        kept.delete(address);
        slab.remove(address);
      }
      const walked = listAddresses(slab);
      expect([...kept.keys()].filter((address) => !walked.includes(address))).toEqual([]);
      for (const [address, content] of kept) {
        if (Buffer.compare(readRecord(slab, address), content) !== 0)
          expect.fail(`the record at ${address} has changed`);
      }
    });
    fc.assert(property, { ...TRACE_RUNS, numRuns: 1000 });
  });

  it.each([1, 2, 3])('puts a record on a new page if only %i grains are left, which are too few', (left) => {
    const slab = new Slab({ grainBytes, roundUp });
    for (let grains = 0; grains < (1 << 20) / grainBytes - left; grains++)
      slab.add(new Uint8Array(grainBytes - 2), grainBytes - 2);
    const content = new Uint8Array(grainBytes * (left + 1) - 2).fill(7);
    const address = slab.add(content, content.length);
    expect(readRecord(slab, address)).toEqual(content);
    expect(slab.bytes).toBe(2 << 20);
    expect(listAddresses(slab)).toHaveLength((1 << 20) / grainBytes - left + 1);
    expect(listAddresses(slab).at(-1)).toBe(address);
  });

  it('compares a part of a record with the bytes at the same offsets', () => {
    const slab = new Slab({ grainBytes, roundUp });
    slab.add(Uint8Array.of(9, 9, 9, 9), 4);
    const address = slab.add(Uint8Array.of(1, 2, 3, 4), 4);
    expect(slab.equals(address, Uint8Array.of(0, 2, 3, 0), 1, 3)).toBe(true);
    expect(slab.equals(address, Uint8Array.of(0, 2, 3, 0), 1, 4)).toBe(false);
    expect(slab.equals(address, Uint8Array.of(0, 2, 3, 0), 0, 3)).toBe(false);
    expect(slab.equals(address, Uint8Array.of(), 2, 2)).toBe(true);
  });

  it('reuses the space of removed records of the same size, and takes no more memory', () => {
    const slab = new Slab({ grainBytes, roundUp });
    const content = new Uint8Array(100);
    const addresses = Array.from({ length: 20_000 }, () => slab.add(content, 100));
    const { bytes } = slab;
    for (let round = 0; round < 5; round++) {
      for (const [index, address] of addresses.entries()) {
        slab.remove(address);
        addresses[index] = slab.add(content, 97 + round);
      }
    }
    expect(slab.bytes).toBe(bytes);
  });
});

it('rounds to few sizes, and leaves at most half of a record unused, or a quarter', () => {
  const grains = Array.from({ length: 2048 }, (_, index) => index + 1);
  for (const [roundUp, maxFactor] of [
    [roundUpToPowerOfTwo, 2],
    [roundUpToQuarterPower, 1.25],
  ] as const) {
    const sizes = grains.map(roundUp);
    const isInRange = (size: number, index: number) => size >= index + 1 && size < (index + 1) * maxFactor;
    expect(sizes.every(isInRange)).toBe(true);
    expect(sizes.map(roundUp)).toEqual(sizes);
  }
  expect(new Set(grains.map(roundUpToPowerOfTwo)).size).toBe(12);
  expect(new Set(grains.map(roundUpToQuarterPower)).size).toBe(40);
});
