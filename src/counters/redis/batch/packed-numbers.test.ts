import fc from 'fast-check';
import { expect, it } from 'vitest';
import { packHits, packTime, packUint21 } from './packed-numbers.ts';

const unpacked = (text: string) => [...text].reduce((value, digit) => value * 128 + digit.charCodeAt(0), 0);

it('numbers are characters of one byte, from which they can be read again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 21 - 1 }), fc.integer({ min: 0, max: 2 ** 35 - 1 }), (short, hits) => {
      expect(unpacked(packUint21(short))).toBe(short);
      expect(unpacked(packHits(hits))).toBe(hits);
      expect(Buffer.byteLength(packUint21(short) + packHits(hits))).toBe(8);
    }),
  );
});

it('times are read again to the µs', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (time) => {
      expect(unpacked(packTime(time))).toBe(time);
    }),
  );
});

it('hits beyond every limit stay beyond every limit', () => {
  expect(unpacked(packHits(Number.MAX_SAFE_INTEGER))).toBeGreaterThan(2 ** 32);
});
