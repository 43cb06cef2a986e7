import { advertisedQuota, type LimitStatus, tightestStatus } from '../../domain/limit-status.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { WireWriter } from '../wire/wire-writer.ts';
import { type HeaderForm, headerName } from './header-writer.ts';

const POLICY = headerName('ratelimit-policy');
const STATE = headerName('ratelimit');
const LIMIT = headerName('x-ratelimit-limit');
const REMAINING = headerName('x-ratelimit-remaining');
const RESET = headerName('x-ratelimit-reset');
const RETRY_AFTER = headerName('retry-after');

/** Which answers tell clients of their limits: every one, those that refuse, or none. */
export type RateLimitHeaders = 'all' | 'refused' | 'off';

/** How the limits stand that an answer is about. */
export interface Told {
  readonly limits: readonly LimitStatus[];
  readonly retryAfterSeconds?: number | undefined;
  /** What the older headers tell; undefined: by the order of `tightest`. */
  readonly tightest?: LimitStatus | undefined;
}

/**
 * Writes what a client is told of its limits, as items of the repeated field: `ratelimit-policy` and `ratelimit` list
 * every limit (draft-ietf-httpapi-ratelimit-headers-10), the older `x-ratelimit-*` the tightest one; and `retry-after`
 * where a retry is promised. Nothing where nothing limits.
 */
export function writeRateLimitHeaders(
  into: WireWriter,
  form: HeaderForm,
  field: number,
  { limits, retryAfterSeconds, tightest: told = tightestStatus(limits) }: Told,
): void {
  if (told === undefined) return;
  if (retryAfterSeconds !== undefined) writeNumber(into, form, field, RETRY_AFTER, retryAfterSeconds);
  writeNumber(into, form, field, RESET, told.resetSeconds);
  writeNumber(into, form, field, REMAINING, told.remaining);
  writeNumber(into, form, field, LIMIT, advertisedQuota(told.limit).requests);
  writeStates(into, form, field, limits);
  const end = form.begin(into);
  into.encoded(policyOf(limits));
  form.end(into, field, POLICY, end);
}

function writeNumber(into: WireWriter, form: HeaderForm, field: number, name: Uint8Array, value: number): void {
  const end = form.begin(into);
  into.digits(value);
  form.end(into, field, name, end);
}

/** `"burst";r=3;t=60, "day";r=50;t=3600` */
function writeStates(into: WireWriter, form: HeaderForm, field: number, statuses: readonly LimitStatus[]): void {
  const end = form.begin(into);
  for (let index = statuses.length - 1; index >= 0; index--) {
    const status = statuses[index];
    if (status === undefined) continue;
    into.digits(status.resetSeconds);
    into.ascii(';t=');
    into.digits(status.remaining);
    into.ascii('";r=');
    into.ascii(status.limit.name);
    into.ascii(index === 0 ? '"' : ', "');
  }
  form.end(into, field, STATE, end);
}

interface Policy {
  readonly limits: readonly CountedLimit[];
  readonly text: Uint8Array;
}

/** By the last of the limits, which is a key's own if it has any; a changed limit is another object. */
const policies = new WeakMap<CountedLimit, Policy>();

/** `"burst";q=5;w=60, "day";q=100;w=86400`, which is the same for all on a plan who have no limits of their own. */
function policyOf(statuses: readonly LimitStatus[]): Uint8Array {
  const last = statuses.at(-1)?.limit;
  const known = last && policies.get(last);
  if (known !== undefined && known.limits.length === statuses.length) {
    if (statuses.every(({ limit }, index) => limit === known.limits[index])) return known.text;
  }
  const limits = statuses.map(({ limit }) => limit);
  const policy = { limits, text: Buffer.from(limits.map(policyItem).join(', ')) };
  if (last !== undefined) policies.set(last, policy);
  return policy.text;
}

function policyItem(limit: CountedLimit): string {
  const { requests, windowSeconds } = advertisedQuota(limit);
  const quota = `"${limit.name}";q=${requests}`;
  return windowSeconds === undefined ? `${quota};qu="concurrent-requests"` : `${quota};w=${windowSeconds}`;
}
