/** The forms in which envoyproxy/ratelimit reads its environment: those of Go's strconv and time packages. */

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** undefined: not a boolean. */
export function parseGoBoolean(text: string): boolean | undefined {
  if (TRUE.includes(text)) return true;
  return FALSE.includes(text) ? false : undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const DURATION = /^\+?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** Parses a duration such as `1h30m` or `150us`, in ms. undefined: not a duration, or a negative one. */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!DURATION.test(text)) return undefined;
  let sum = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(DURATION_PART)) sum += Number(amount) * (UNIT_MS[unit] ?? 0);
  return sum;
}

/** Parses pairs such as `key1:value1,key2:value2`. undefined: a pair has no separator, or no key. */
export function parsePairs(text: string, separator: string): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>();
  for (const item of text.split(',')) {
    const index = item.indexOf(separator);
    if (index < 1) return undefined;
    pairs.set(item.slice(0, index).trim(), item.slice(index + separator.length).trim());
  }
  return pairs;
}
