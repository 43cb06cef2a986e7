import { BoundedMap } from '../../collections/bounded-map.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { type LimitParameters, parseLimitIdentity } from '../../domain/limits/limit-identity.ts';
import type { GrantedCharge, Receipt, Source } from '../ports.ts';

const VERSION = 2;
/** Enough for a request with 64 descriptors, each with a long subject and a limit with the longest name. */
const MAX_TEXT_LENGTH = 400_000;
/** No receipt that Weir issues has more hits in a charge. */
const MAX_HITS = 2 ** 46;
/** The sources that count, and can therefore refund. */
const SOURCES: readonly Source[] = ['memory', 'redis', 'fail-local'];

/**
 * Formats a receipt as it travels in dynamic metadata: base64url of the JSON `[2, id, source, expiresAt, [[subject,
 * identity, requests, hits, countsUntil, burst, blockForSeconds], …]]`. Times are Unix times in µs. The last two fields
 * of a charge are left out if both are 0.
 *
 * Receipts are not signed. A caller that can forge Envoy's metadata can send this service any other request as well.
 * Decoding still accepts nothing that a receipt cannot say.
 */
export function encodeReceipt({ id, source, expiresAt, granted }: Receipt): string {
  const entries = granted.map(({ charge: { subject, limit, hits }, countsUntil }) => {
    const burst = limit.algorithm === 'token_bucket' ? limit.burst : 0;
    const { identity, requests, blockForSeconds = 0 } = limit;
    const entry = [subject, identity, requests, hits, countsUntil];
    return burst > 0 || blockForSeconds > 0 ? [...entry, burst, blockForSeconds] : entry;
  });
  return Buffer.from(JSON.stringify([VERSION, id, source, expiresAt, entries])).toString('base64url');
}

/** Parses the text of a receipt. Returns undefined if it is not one. */
export function decodeReceipt(text: string): Receipt | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 5 || value[0] !== VERSION) return undefined;
  const [, id, sourceName, expiresAt, entries] = value as readonly unknown[]; // an array: checked above
  const source = SOURCES.find((name) => name === sourceName);
  if (typeof id !== 'string' || id === '' || source === undefined || !isWholeNumber(expiresAt)) return undefined;
  if (!Array.isArray(entries)) return undefined;
  const granted = entries.map(parseGrantedCharge);
  if (!granted.every((charge) => charge !== undefined)) return undefined;
  return { id, source, expiresAt, granted };
}

function parseGrantedCharge(entry: unknown): GrantedCharge | undefined {
  if (!Array.isArray(entry) || (entry.length !== 5 && entry.length !== 7)) return undefined;
  const [subject, identity, requests, hits, countsUntil, burst = 0, blockForSeconds = 0] = entry as readonly unknown[];
  if (typeof subject !== 'string' || typeof identity !== 'string') return undefined;
  if (!isWholeNumber(requests) || !isWholeNumber(hits) || hits > MAX_HITS) return undefined;
  if (!isWholeNumber(countsUntil) || !isWholeNumber(burst) || !isWholeNumber(blockForSeconds)) return undefined;
  const limit = cachedLimit(identity, {
    requests,
    burst: burst === 0 ? undefined : burst,
    blockForSeconds: blockForSeconds === 0 ? undefined : blockForSeconds,
  });
  return limit === undefined ? undefined : { charge: { subject, limit, hits }, countsUntil };
}

const MAX_CACHED_LIMITS = 1000;

/**
 * Limits by identity and parameters: the periods of a calendar take long to find, and are cached by the limit object.
 */
const limits = new BoundedMap<string, CountedLimit>(MAX_CACHED_LIMITS, 'clear');

function cachedLimit(identity: string, parameters: LimitParameters): CountedLimit | undefined {
  const name = `${identity}|${parameters.requests}|${parameters.burst}|${parameters.blockForSeconds}`;
  const cached = limits.get(name);
  if (cached !== undefined) return cached;
  const limit = parseLimitIdentity(identity, parameters);
  if (limit === undefined) return undefined;
  limits.set(name, limit);
  return limit;
}

function isWholeNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0; // a safe integer is a number
}
