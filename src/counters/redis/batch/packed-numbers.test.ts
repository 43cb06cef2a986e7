import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packHits, packTime, packUint21 } from './packed-numbers.ts';

/** Reads a packed number as the scripts do. */
function unpack(text: string): number {
  return [...text].reduce((value, digit) => value * 128 + digit.charCodeAt(0), 0);
}

describe('packed numbers', () => {
  it('use one byte for each character and unpack to the same number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 21 - 1 }), fc.integer({ min: 0, max: 2 ** 35 - 1 }), (small, hits) => {
        expect(unpack(packUint21(small))).toBe(small);
        expect(unpack(packHits(hits))).toBe(hits);
        expect(Buffer.byteLength(packUint21(small) + packHits(hits))).toBe(8);
      }),
    );
  });

  it('keep times exact to the µs', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (time) => {
        expect(unpack(packTime(time))).toBe(time);
      }),
    );
  });

  it('keep hits above every limit when they do not fit', () => {
    expect(unpack(packHits(Number.MAX_SAFE_INTEGER))).toBeGreaterThan(2 ** 32);
  });
});
