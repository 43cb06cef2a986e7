const BASE = 128;
const UINT21_DIGITS = 3;
const HITS_DIGITS = 5;
const TIME_DIGITS = 8;

/** More than any limit has requests, so the script still rejects hits that are capped to this. */
const MAX_HITS = BASE ** HITS_DIGITS - 1;

const MAX_CACHED_UINT21 = 1023;
const cachedUint21s: string[] = [];

/** Packs an integer from 0 to 2,097,151 into three characters. */
export function packUint21(value: number): string {
  // Mostly counts and indexes of a batch: every batch packs the same few.
  if (value > MAX_CACHED_UINT21) return pack(value, UINT21_DIGITS);
  const cached = cachedUint21s[value];
  if (cached !== undefined) return cached;
  const packed = pack(value, UINT21_DIGITS);
  cachedUint21s[value] = packed;
  return packed;
}

/** Packs hits into five characters; more than 2^35 - 1 hits become 2^35 - 1. */
export function packHits(hits: number): string {
  return pack(Math.min(hits, MAX_HITS), HITS_DIGITS);
}

/** Packs a time in µs since 1970 into eight characters. */
export function packTime(timeMicros: number): string {
  return pack(timeMicros, TIME_DIGITS);
}

/**
 * Packs an integer as digits of base 128, highest first, each the character of that code. Each is one byte in UTF-8, and
 * Lua's `string.byte` reads several of them at a time.
 */
function pack(value: number, digits: number): string {
  let packed = '';
  for (let rest = value, digit = 0; digit < digits; digit++, rest = Math.floor(rest / BASE)) {
    packed = String.fromCharCode(rest % BASE) + packed;
  }
  return packed;
}
