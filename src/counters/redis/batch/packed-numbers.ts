const BASE = 128;
const SHORT_DIGITS = 3;
const HITS_DIGITS = 5;
const TIME_DIGITS = 8;

/** More than any limit has requests, so that hits beyond it are refused as these are. */
const MOST_HITS = BASE ** HITS_DIGITS - 1;

const MOST_KEPT = 1024;
const shorts: string[] = [];

/** A number below 2,097,152 as three characters below 128. */
export function packUint21(value: number): string {
  // Places in a batch, for the most part: each is asked for at every batch.
  if (value >= MOST_KEPT) return packed(value, SHORT_DIGITS);
  const known = shorts[value];
  if (known !== undefined) return known;
  const text = packed(value, SHORT_DIGITS);
  shorts[value] = text;
  return text;
}

/** Hits as five characters below 128; more than 2^35 - 1 become so many. */
export function packHits(hits: number): string {
  return packed(Math.min(hits, MOST_HITS), HITS_DIGITS);
}

/** µs since 1970 as eight characters below 128. */
export function packTime(time: number): string {
  return packed(time, TIME_DIGITS);
}

/** Digits of base 128, the highest first: characters that are one byte in UTF-8, and that Lua reads several at a time. */
function packed(value: number, digits: number): string {
  let text = '';
  for (let rest = value, digit = 0; digit < digits; digit++, rest = Math.floor(rest / BASE)) {
    text = String.fromCharCode(rest % BASE) + text;
  }
  return text;
}
