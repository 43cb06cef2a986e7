import { parseLimit } from '../core/parse-limit.ts';
import type { Receipt, Source, Taken } from './ports.ts';

const VERSION = 1;
/** Of a request with 64 descriptors, each with a long subject. Beyond it, nothing that was made here is refused. */
const LONGEST_TEXT = 100_000;
/** That grant by counters, which therefore can be given back to. */
const SOURCES: readonly Source[] = ['memory', 'redis', 'fail-local'];

/**
 * A receipt for slots as it travels in metadata: base64url of the JSON
 * `[1, id, source, expires, [[subject, name, requests, windowSeconds, hits, end], …]]`, times in µs since 1970.
 */
export function writeReceipt({ id, source, expires, taken }: Receipt): string {
  const slots = taken.map(({ charge: { subject, limit, hits }, end }) => {
    return [subject, limit.name, limit.requests, limit.windowSeconds, hits, end];
  });
  return Buffer.from(JSON.stringify([VERSION, id, source, expires, slots])).toString('base64url');
}

/** The receipt of a text, at most `hits` of each of its charges; undefined where the text is none. */
export function readReceipt(text: string, hits: number): Receipt | undefined {
  if (text.length > LONGEST_TEXT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 5 || value[0] !== VERSION) return undefined;
  const [, id, source, expires, slots] = value as readonly unknown[];
  const known = SOURCES.find((each) => each === source);
  if (typeof id !== 'string' || id === '' || known === undefined || !isWhole(expires)) return undefined;
  if (!Array.isArray(slots)) return undefined;
  const taken = slots.map((slot) => readSlot(slot, hits));
  if (!taken.every((each) => each !== undefined)) return undefined;
  return { id, source: known, expires, taken };
}

function readSlot(slot: unknown, mostHits: number): Taken | undefined {
  if (!Array.isArray(slot) || slot.length !== 6) return undefined;
  const [subject, name, requests, windowSeconds, hits, end] = slot as readonly unknown[];
  if (typeof subject !== 'string' || typeof name !== 'string') return undefined;
  if (!isWhole(requests) || !isWhole(windowSeconds) || !isWhole(hits) || !isWhole(end)) return undefined;
  const limit = parseLimit({ name, requests, window: `${windowSeconds}s`, algorithm: 'concurrency' });
  if (!('identity' in limit)) return undefined;
  return { charge: { subject, limit, hits: Math.min(hits, mostHits) }, end };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0; // a safe integer is a number
}
