import type { CountedLimit } from './limit.ts';

/** The names that users know a limit by. */
export interface LimitName {
  /** The rule's path, or the resource name of the plan or key: `shop.path_/login`, `plans/free`. */
  readonly rule: string;
  /** The rule, followed by the limit's name where a rule can have several limits: `plans/free/day`. */
  readonly label: string;
}

/** State of one limit after a decision, as reported to clients. */
export interface LimitStatus extends LimitName {
  readonly limit: CountedLimit;
  /** Whether this limit rejected the request. */
  readonly exceeded: boolean;
  readonly remaining: number;
  /**
   * Whole seconds until the entire limit is available again; if exceeded, until a retry fits, provided it ever does.
   * Means nothing unless `isTimed`.
   */
  readonly resetSeconds: number;
  /** Whole seconds until the same request would fit; undefined: not exceeded, or the request never fits. */
  readonly retryAfterSeconds: number | undefined;
  /** Only a block rejected the request, whatever is left: it fits when the block ends. undefined: no. */
  readonly isBlocked?: boolean;
  /** The request costs more hits than the limit ever has free, so it never fits. undefined: it does not. */
  readonly costExceedsLimit?: boolean;
}

/** Size of a limit as reported to clients. Except for credits, `requests` is never below what can remain. */
export interface AdvertisedQuota {
  readonly requests: number;
  /** undefined: the limit is not counted by time. */
  readonly windowSeconds: number | undefined;
}

/**
 * Computes the size that Weir reports to clients.
 *
 * A token bucket reports its burst, and the time that an empty bucket takes to fill. So the remaining tokens never
 * exceed the reported size, and the reported rate is the actual one, rounded down. Its `requests` would be less than
 * what remains if `burst` is larger. Concurrency slots have no window: the request that holds a slot decides how long.
 * Credits have none either; more than their `requests` may be left if some were added.
 */
export function advertisedQuota(limit: CountedLimit): AdvertisedQuota {
  const { requests } = limit;
  if (limit.algorithm === 'concurrency' || limit.algorithm === 'credits') return { requests, windowSeconds: undefined };
  if (limit.algorithm !== 'token_bucket') return limit;
  const { windowSeconds } = limit;
  return { requests: limit.burst, windowSeconds: Math.ceil((limit.burst * windowSeconds) / requests) };
}

/**
 * Returns the most hits that are ever free at once: no request that costs more ever fits. Credits can be added without
 * end.
 */
export function limitCapacity(limit: CountedLimit): number {
  if (limit.algorithm === 'credits') return Number.POSITIVE_INFINITY;
  return limit.algorithm === 'token_bucket' ? limit.burst : limit.requests;
}

/** Whether time gives hits of the limit back. Only administrators and refunds give credits back. */
export function isTimed({ algorithm }: CountedLimit): boolean {
  return algorithm !== 'credits';
}

/** Whether the limit rejected the request because too few credits are left. A block of credits ends, so a retry helps. */
export function isOutOfCredits({ limit, exceeded, retryAfterSeconds }: LimitStatus): boolean {
  return limit.algorithm === 'credits' && exceeded && retryAfterSeconds === undefined;
}

/** Converts µs to whole seconds, rounded up: a client that waits that long must not be early. */
export function ceilToSeconds(microseconds: number): number {
  return Math.ceil(microseconds / 1_000_000);
}

/**
 * Chooses the status to report where only one can be reported. Exceeded limits come first, among them one that is less
 * than the cost of the request, then the one with the longest wait; then the limit with the fewest remaining requests.
 */
export function tightestStatus(statuses: readonly LimitStatus[]): LimitStatus | undefined {
  let tightest: LimitStatus | undefined;
  for (const status of statuses) tightest = tighterStatus(tightest, status);
  return tightest;
}

/** Chooses the tighter status, in the order of `tightestStatus`; `current` if they are equal. */
export function tighterStatus(current: LimitStatus | undefined, status: LimitStatus): LimitStatus {
  return current === undefined || isTighter(status, current) ? status : current;
}

function isTighter(one: LimitStatus, other: LimitStatus): boolean {
  if (one.exceeded !== other.exceeded) return one.exceeded;
  const neverFits = one.costExceedsLimit === true;
  if (neverFits !== (other.costExceedsLimit === true)) return neverFits;
  if (one.exceeded) return waitSeconds(one) > waitSeconds(other);
  return one.remaining < other.remaining;
}

function waitSeconds(status: LimitStatus): number {
  return status.retryAfterSeconds ?? Number.POSITIVE_INFINITY;
}

/**
 * Seconds after which a rejected request would fit in all of its limits; undefined: no limit rejected it, or one of
 * them never lets it pass.
 */
export function combinedRetryAfterSeconds(statuses: readonly LimitStatus[]): number | undefined {
  let longest = 0;
  for (const { exceeded, retryAfterSeconds } of statuses) {
    if (!exceeded) continue;
    if (retryAfterSeconds === undefined) return undefined;
    longest = Math.max(longest, retryAfterSeconds);
  }
  return longest === 0 ? undefined : longest;
}
