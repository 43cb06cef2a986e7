import { createHmac, timingSafeEqual } from 'node:crypto';
import { BoundedMap } from '../../collections/bounded-map.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { type LimitParameters, parseLimitIdentity } from '../../domain/limits/limit-identity.ts';
import type { GrantedCharge, Receipt, Source } from '../ports.ts';
import type { ReceiptKey, ReceiptKeys } from './receipt-keys.ts';

const VERSION = 3;
/** Longest id of a late charge. */
const MAX_LATE_CHARGE_ID = 128;
/** Enough for a request with 64 descriptors, each with a long subject and a limit with the longest name. */
const MAX_TEXT_LENGTH = 400_000;
/** Payload, id of the key, and MAC. */
const RECEIPT = /^([\w-]+)\.([a-z0-9]{1,64})\.([\w-]{22})$/;
/** 128 bits: nobody can try so many, and a receipt is short. */
const MAC_BYTES = 16;
/** No receipt that Weir issues has more hits in a charge. */
const MAX_HITS = 2 ** 46;
/** The sources that count, and can therefore refund. */
const SOURCES: readonly Source[] = ['memory', 'redis', 'fail-local', 'fail-open'];

/**
 * Formats a receipt as it travels in dynamic metadata: `payload.key.mac`. The payload is base64url of the JSON `[3, id,
 * source, expiresAt, [[subject, identity, requests, hits, countsUntil, burst, blockForSeconds], …]]`. Times are Unix
 * times in µs. `burst` and `blockForSeconds` are left out if both are 0 and there is no id of a late charge, which comes
 * last.
 *
 * The MAC is the first half of HMAC-SHA-256 over the payload, in base64url. A receipt can change any counter, into debt
 * and for as long as a counter lives, so only the receipts of Weir's own nodes count.
 */
export function encodeReceipt({ id, source, expiresAt, granted }: Receipt, key: ReceiptKey): string {
  const entries = granted.map(({ charge: { subject, limit, hits }, countsUntil, lateChargeId }) => {
    const burst = limit.algorithm === 'token_bucket' ? limit.burst : 0;
    const { identity, requests, blockForSeconds = 0 } = limit;
    const entry = [subject, identity, requests, hits, countsUntil];
    if (lateChargeId !== undefined) return [...entry, burst, blockForSeconds, lateChargeId];
    return burst > 0 || blockForSeconds > 0 ? [...entry, burst, blockForSeconds] : entry;
  });
  const payload = Buffer.from(JSON.stringify([VERSION, id, source, expiresAt, entries])).toString('base64url');
  return `${payload}.${key.id}.${computeMac(payload, key).toString('base64url')}`;
}

function computeMac(payload: string, { secret }: ReceiptKey): Buffer {
  return createHmac('sha256', secret).update(payload).digest().subarray(0, MAC_BYTES);
}

/** Parses the text of a receipt. Returns undefined if it is not one that a node has issued with one of the keys. */
export function decodeReceipt(text: string, keys: ReceiptKeys): Receipt | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined;
  const [, payload = '', keyId = '', mac = ''] = RECEIPT.exec(text) ?? [];
  const key = keys.findReceiptKey(keyId);
  if (key === undefined || !timingSafeEqual(computeMac(payload, key), Buffer.from(mac, 'base64url'))) return undefined;
  return parsePayload(payload);
}

/** Accepts nothing that a receipt cannot say: another version of Weir may have issued it. */
function parsePayload(payload: string): Receipt | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload, 'base64url').toString());
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
  if (!Array.isArray(entry) || ![5, 7, 8].includes(entry.length)) return undefined;
  const [subject, identity, requests, hits, countsUntil, burst = 0, blockForSeconds = 0, lateChargeId] =
    entry as readonly unknown[];
  if (lateChargeId !== undefined && !isLateChargeId(lateChargeId)) return undefined;
  if (typeof subject !== 'string' || typeof identity !== 'string') return undefined;
  if (!isWholeNumber(requests) || !isWholeNumber(hits) || hits > MAX_HITS) return undefined;
  if (!isWholeNumber(countsUntil) || !isWholeNumber(burst) || !isWholeNumber(blockForSeconds)) return undefined;
  const limit = cachedLimit(identity, {
    requests,
    burst: burst === 0 ? undefined : burst,
    blockForSeconds: blockForSeconds === 0 ? undefined : blockForSeconds,
  });
  if (limit === undefined) return undefined;
  return { charge: { subject, limit, hits }, countsUntil, ...(lateChargeId !== undefined && { lateChargeId }) };
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

function isLateChargeId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_LATE_CHARGE_ID;
}

function isWholeNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0; // a safe integer is a number
}
