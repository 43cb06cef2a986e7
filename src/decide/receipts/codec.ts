import type { CountedLimit } from '../../domain/limits/limit.ts';
import { type LimitParameters, parseLimitIdentity } from '../../domain/limits/limit-identity.ts';
import type { GrantedCharge, Receipt, Source } from '../ports.ts';

const VERSION = 2;
/** Of a request with 64 descriptors, each with a long subject. Beyond it, nothing that was made here is refused. */
const LONGEST_TEXT = 100_000;
/** More is none that was made here. */
const MOST_HITS = 2 ** 46;
/** That grant by counters, which therefore can be given back to. */
const SOURCES: readonly Source[] = ['memory', 'redis', 'fail-local'];

/**
 * A receipt as it travels in metadata: base64url of the JSON
 * `[2, id, source, expires, [[subject, identity, requests, hits, end, burst, blockForSeconds], …]]`, times in µs since
 * 1970; the last two are left out where they are 0. It is not signed: whoever could put a text of their own into Envoy's
 * metadata could as well ask anything else of this service. What it says is held to what a receipt can say.
 */
export function encodeReceipt({ id, source, expires, granted }: Receipt): string {
  const each = granted.map(({ charge: { subject, limit, hits }, end }) => {
    const burst = limit.algorithm === 'token_bucket' ? limit.burst : 0;
    const { identity, requests, blockForSeconds = 0 } = limit;
    const entry = [subject, identity, requests, hits, end];
    return burst > 0 || blockForSeconds > 0 ? [...entry, burst, blockForSeconds] : entry;
  });
  return Buffer.from(JSON.stringify([VERSION, id, source, expires, each])).toString('base64url');
}

/** The receipt of a text; undefined where the text is none. */
export function decodeReceipt(text: string): Receipt | undefined {
  if (text.length > LONGEST_TEXT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 5 || value[0] !== VERSION) return undefined;
  const [, id, source, expires, each] = value as readonly unknown[];
  const known = SOURCES.find((other) => other === source);
  if (typeof id !== 'string' || id === '' || known === undefined || !isWhole(expires)) return undefined;
  if (!Array.isArray(each)) return undefined;
  const granted = each.map(readTaken);
  if (!granted.every((one) => one !== undefined)) return undefined;
  return { id, source: known, expires, granted };
}

function readTaken(entry: unknown): GrantedCharge | undefined {
  if (!Array.isArray(entry) || (entry.length !== 5 && entry.length !== 7)) return undefined;
  const [subject, identity, requests, hits, end, burst = 0, block = 0] = entry as readonly unknown[];
  if (typeof subject !== 'string' || typeof identity !== 'string') return undefined;
  if (!isWhole(requests) || !isWhole(hits) || hits > MOST_HITS || !isWhole(end)) return undefined;
  if (!isWhole(burst) || !isWhole(block)) return undefined;
  const limit = knownLimit(identity, {
    requests,
    burst: burst === 0 ? undefined : burst,
    blockForSeconds: block === 0 ? undefined : block,
  });
  return limit === undefined ? undefined : { charge: { subject, limit, hits }, end };
}

/** A calendar's periods take long to find, and are kept by the limit. */
const limits = new Map<string, CountedLimit>();
const MOST_LIMITS = 1000;

function knownLimit(identity: string, rest: LimitParameters): CountedLimit | undefined {
  const name = `${identity}|${rest.requests}|${rest.burst}|${rest.blockForSeconds}`;
  const known = limits.get(name);
  if (known !== undefined) return known;
  const limit = parseLimitIdentity(identity, rest);
  if (limit === undefined) return undefined;
  if (limits.size >= MOST_LIMITS) limits.clear();
  limits.set(name, limit);
  return limit;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0; // a safe integer is a number
}
