/** Of `halfSipHash`: 64 bits. Whoever does not know them cannot make up inputs of one hash. */
export interface HashKey {
  readonly low: number;
  readonly high: number;
}

const FINAL_ROUNDS = 3;

/**
 * HalfSipHash-1-3 of the bytes from `start` to `end`: 32 bits, for tables that strangers choose the names in. As Linux
 * has it for its own (https://docs.kernel.org/security/siphash.html).
 */
export function halfSipHash(bytes: Uint8Array, start: number, end: number, { low, high }: HashKey): number {
  let v0 = low;
  let v1 = high;
  let v2 = low ^ 0x6c796765;
  let v3 = high ^ 0x74656462;
  const length = end - start;
  const words = length >>> 2;
  for (let step = 0; step <= words + FINAL_ROUNDS; step++) {
    const at = start + 4 * step;
    let word = 0;
    if (step < words) word = wordAt(bytes, at);
    else if (step === words) word = lastWord(bytes, at, end, length);
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

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

/** What is left of the bytes, below the length of all. */
function lastWord(bytes: Uint8Array, start: number, end: number, length: number): number {
  let word = length << 24;
  for (let at = start; at < end; at++) word |= (bytes[at] ?? 0) << (8 * (at - start));
  return word;
}
