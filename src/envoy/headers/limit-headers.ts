import type { CountedLimit } from '../../domain/limits/limit.ts';
import { advertisedQuota, isTimed, type LimitStatus, tightestStatus } from '../../domain/limits/limit-status.ts';
import type { WireWriter } from '../wire/wire-writer.ts';
import { escapeInQuotes } from './escape-in-quotes.ts';
import { encodeHeaderName, type HeaderWriter } from './header-writer.ts';

const POLICY = encodeHeaderName('ratelimit-policy');
const STATE = encodeHeaderName('ratelimit');
const LIMIT = encodeHeaderName('x-ratelimit-limit');
const REMAINING = encodeHeaderName('x-ratelimit-remaining');
const RESET = encodeHeaderName('x-ratelimit-reset');
const RETRY_AFTER = encodeHeaderName('retry-after');

/**
 * Which responses report limits to clients: all of them, only rejections and denials, or none. `auto` is `all` without
 * `x-ratelimit-*` in responses of the rate limit service: Envoy writes these itself, from the statuses.
 */
export type LimitHeaderMode = 'auto' | 'all' | 'refused' | 'off';

/** Whether responses that let the request pass report limits as well. */
export function reportsGrants(mode: LimitHeaderMode): boolean {
  return mode === 'all' || mode === 'auto';
}

/** The limits that a response reports. */
export interface ReportedLimits {
  readonly limits: readonly LimitStatus[];
  /** In whole seconds; undefined: no retry is promised. */
  readonly retryAfterSeconds?: number | undefined;
  /** The limit in the older `x-ratelimit-*` headers; undefined: the first by the order of `tightestStatus`. */
  readonly tightest?: LimitStatus | undefined;
  /** Leaves out the older `x-ratelimit-*` headers. */
  readonly omitsOlder?: boolean;
}

/**
 * Writes the headers that report limits to a client, as items of the repeated field `field`. `ratelimit-policy` and
 * `ratelimit` list every limit (draft-ietf-httpapi-ratelimit-headers-11). The older `x-ratelimit-*` show the tightest
 * one. Credits have no `t`, no `w` and no `x-ratelimit-reset`. Without limits there are none of these. `retry-after` is
 * there if a retry is promised.
 */
export function writeLimitHeaders(
  into: WireWriter,
  headers: HeaderWriter,
  field: number,
  { limits, retryAfterSeconds, tightest = tightestStatus(limits), omitsOlder = false }: ReportedLimits,
): void {
  if (retryAfterSeconds !== undefined) writeNumberHeader(into, headers, field, RETRY_AFTER, retryAfterSeconds);
  if (tightest === undefined) return;
  if (!omitsOlder) writeOlderHeaders(into, headers, field, tightest);
  writeStateHeader(into, headers, field, limits);
  const begun = headers.beginHeader(into);
  into.writeEncoded(encodePolicy(limits));
  headers.endHeader(into, field, POLICY, begun);
}

function writeOlderHeaders(into: WireWriter, headers: HeaderWriter, field: number, tightest: LimitStatus): void {
  if (isTimed(tightest.limit)) writeNumberHeader(into, headers, field, RESET, tightest.resetSeconds);
  writeNumberHeader(into, headers, field, REMAINING, tightest.remaining);
  writeNumberHeader(into, headers, field, LIMIT, advertisedQuota(tightest.limit).requests);
}

function writeNumberHeader(
  into: WireWriter,
  headers: HeaderWriter,
  field: number,
  name: Uint8Array,
  value: number,
): void {
  const begun = headers.beginHeader(into);
  into.writeDigitsPart(value);
  headers.endHeader(into, field, name, begun);
}

/** Writes the header `ratelimit`, such as `"burst";r=3;t=60, "day";r=50;t=3600`. */
function writeStateHeader(
  into: WireWriter,
  headers: HeaderWriter,
  field: number,
  statuses: readonly LimitStatus[],
): void {
  const begun = headers.beginHeader(into);
  for (let index = statuses.length - 1; index >= 0; index--) {
    const status = statuses[index];
    if (status === undefined) continue; // never: the index is in range
    if (isTimed(status.limit)) {
      into.writeDigitsPart(status.resetSeconds);
      into.writeAsciiPart(';t=');
    }
    into.writeDigitsPart(status.remaining);
    into.writeAsciiPart('";r=');
    into.writeAsciiPart(escapeInQuotes(status.limit.name));
    into.writeAsciiPart(index === 0 ? '"' : ', "');
  }
  headers.endHeader(into, field, STATE, begun);
}

interface EncodedPolicy {
  readonly limits: readonly CountedLimit[];
  readonly text: Uint8Array;
}

/**
 * Cache of policies by the last of their limits. If a key has limits of its own, the last one is among them. A changed
 * limit is another object, so entries never become stale.
 */
const policyCache = new WeakMap<CountedLimit, EncodedPolicy>();

/**
 * Encodes the value of `ratelimit-policy`, such as `"burst";q=5;w=60, "day";q=100;w=86400`. All keys of a plan that have
 * no limits of their own share one.
 */
function encodePolicy(statuses: readonly LimitStatus[]): Uint8Array {
  const last = statuses.at(-1)?.limit;
  const cached = last && policyCache.get(last);
  if (cached !== undefined && cached.limits.length === statuses.length) {
    if (statuses.every(({ limit }, index) => limit === cached.limits[index])) return cached.text;
  }
  const limits = statuses.map(({ limit }) => limit);
  const policy = { limits, text: Buffer.from(limits.map(formatPolicyItem).join(', ')) };
  if (last !== undefined) policyCache.set(last, policy);
  return policy.text;
}

function formatPolicyItem(limit: CountedLimit): string {
  const { requests, windowSeconds } = advertisedQuota(limit);
  const quota = `"${escapeInQuotes(limit.name)}";q=${requests}`;
  if (limit.algorithm === 'concurrency') return `${quota};qu="concurrent-requests"`;
  return windowSeconds === undefined ? quota : `${quota};w=${windowSeconds}`;
}
