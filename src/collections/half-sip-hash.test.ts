import fc from 'fast-check';
import { expect, it } from 'vitest';
import { halfSipHash } from './half-sip-hash.ts';

/** HalfSipHash-2-4 of 0, 1, 2 … of so many bytes by the key 0 … 7: vectors_hsip32 of github.com/veorq/SipHash. */
const VECTORS = [0x5b9f35a9, 0xb85a4727, 0x03a662fa, 0x04e7fe8a, 0x89466e2a];

const MASK = 0xffffffffn;

function rotated(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (32n - bits))) & MASK;
}

/** As its authors describe it, for any number of rounds. */
function reference(
  bytes: readonly number[],
  key: readonly [number, number],
  rounds: readonly [number, number],
): number {
  const [low, high] = [BigInt(key[0]), BigInt(key[1])];
  let [v0, v1, v2, v3] = [low, high, low ^ 0x6c796765n, high ^ 0x74656462n];
  const round = () => {
    v0 = (v0 + v1) & MASK;
    v1 = rotated(v1, 5n) ^ v0;
    v0 = rotated(v0, 16n);
    v2 = (v2 + v3) & MASK;
    v3 = rotated(v3, 8n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotated(v3, 7n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotated(v1, 13n) ^ v2;
    v2 = rotated(v2, 16n);
  };
  const whole = Buffer.alloc((bytes.length & ~3) + 4);
  whole.set(bytes);
  whole[whole.length - 1] = bytes.length & 255;
  for (let at = 0; at < whole.length; at += 4) {
    const word = BigInt(whole.readUInt32LE(at));
    v3 ^= word;
    for (let each = 0; each < rounds[0]; each++) round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let each = 0; each < rounds[1]; each++) round();
  return Number(v1 ^ v3);
}

it('is as described by its authors, whose vectors the description meets', () => {
  const firstBytes = VECTORS.map((_, length) => Array.from({ length }, (_, place) => place));
  expect(firstBytes.map((bytes) => reference(bytes, [0x03020100, 0x07060504], [2, 4]))).toEqual(VECTORS);
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const property = fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(8), word, word, (bytes, start, low, high) => {
    const hash = halfSipHash(bytes, Math.min(start, bytes.length), bytes.length, { low, high });
    expect(hash).toBe(reference([...bytes.subarray(start)], [low, high], [1, 3]));
  });
  fc.assert(property, { numRuns: 500 });
});
