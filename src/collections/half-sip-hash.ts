/** 64 random bits. An attacker who does not know them cannot construct inputs with equal hashes. */
export interface SipHashKey {
  readonly low: number;
  readonly high: number;
}

const FINAL_ROUNDS = 3;

/**
 * HalfSipHash-1-3 of the bytes from `start` to `end`: 32 bits, for tables whose keys come from untrusted clients. Linux
 * uses it for its own such tables (https://docs.kernel.org/security/siphash.html).
 *
 * Our own code, because npm has no HalfSipHash. The package `siphash` computes SipHash-2-4, whose 64-bit arithmetic is
 * emulated in JavaScript and several times slower, and it allocates its result.
 */
export function halfSipHash(bytes: Uint8Array, start: number, end: number, { low, high }: SipHashKey): number {
  let v0 = low;
  let v1 = high;
  let v2 = low ^ 0x6c796765;
  let v3 = high ^ 0x74656462;
  const length = end - start;
  const words = length >>> 2;
  for (let step = 0; step <= words + FINAL_ROUNDS; step++) {
    const offset = start + 4 * step;
    let word = 0;
    if (step < words) word = readWord(bytes, offset);
    else if (step === words) word = readLastWord(bytes, offset, end, length);
    else if (step === words + 1) v2 ^= 0xff;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}

/** Little-endian. */
function readWord(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] ?? 0) |
    ((bytes[offset + 1] ?? 0) << 8) |
    ((bytes[offset + 2] ?? 0) << 16) |
    ((bytes[offset + 3] ?? 0) << 24)
  );
}

/** The remaining 0 to 3 bytes, and the length of the input in the highest byte. */
function readLastWord(bytes: Uint8Array, start: number, end: number, length: number): number {
  let word = length << 24;
  for (let offset = start; offset < end; offset++) word |= (bytes[offset] ?? 0) << (8 * (offset - start));
  return word;
}
