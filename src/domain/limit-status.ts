import type { CountedLimit } from './limits/limit.ts';

/** How people know a limit. */
export interface LimitName {
  /** The rule's path, or the resource name of the plan or key: `shop.path_/login`, `plans/free`. */
  readonly rule: string;
  /** The rule and, where that may have several limits, the limit's name behind it: `plans/free/day`. */
  readonly label: string;
}

/** How one limit stands after a decision, as it is told to callers. */
export interface LimitStatus extends LimitName {
  readonly limit: CountedLimit;
  /** Whether this limit refused. */
  readonly exceeded: boolean;
  readonly remaining: number;
  /** Whole seconds until the whole limit is free again; of an exceeded one, until a retry fits, if it ever does. */
  readonly resetSeconds: number;
  /** Whole seconds after which the same request would fit; undefined when not exceeded, or when it never will. */
  readonly retryAfterSeconds: number | undefined;
}

/** What of a limit callers are told: never fewer requests than what may remain. */
export interface Quota {
  readonly requests: number;
  /** undefined: not counted by time. */
  readonly windowSeconds: number | undefined;
}

/**
 * A token bucket is told as what it holds, and the time that it takes to fill: what remains is never more than that, and
 * the rate is the same, rounded down. `requests` in a window would be less than what remains when `burst` is larger.
 * Slots have no window, because what holds one decides how long.
 */
export function advertisedQuota(limit: CountedLimit): Quota {
  const { requests, windowSeconds } = limit;
  if (limit.algorithm === 'concurrency') return { requests, windowSeconds: undefined };
  if (limit.algorithm !== 'token_bucket') return limit;
  return { requests: limit.burst, windowSeconds: Math.ceil((limit.burst * windowSeconds) / requests) };
}

/** Rounds up: a client that comes back after so many whole seconds must not be early. */
export function wholeSeconds(microseconds: number): number {
  return Math.ceil(microseconds / 1_000_000);
}

/**
 * The limit to tell when only one can be told: an exceeded one before one that is not, then the one that keeps the
 * caller waiting longest, then the one with the least left.
 */
export function tightestStatus(statuses: readonly LimitStatus[]): LimitStatus | undefined {
  let found: LimitStatus | undefined;
  for (const status of statuses) found = tighterStatus(found, status);
  return found;
}

/** The tighter of the two, by the order of `tightest`; the one before when they are alike. */
export function tighterStatus(before: LimitStatus | undefined, status: LimitStatus): LimitStatus {
  return before === undefined || isTighter(status, before) ? status : before;
}

function isTighter(one: LimitStatus, other: LimitStatus): boolean {
  if (one.exceeded !== other.exceeded) return one.exceeded;
  if (one.exceeded) return waiting(one) > waiting(other);
  return one.remaining < other.remaining;
}

function waiting(status: LimitStatus): number {
  return status.retryAfterSeconds ?? Number.POSITIVE_INFINITY;
}

/** Seconds after which a refused request would fit in all of its limits; undefined when none can be promised. */
export function retryAfterSeconds(statuses: readonly LimitStatus[]): number | undefined {
  let longest = 0;
  for (const { exceeded, retryAfterSeconds: seconds } of statuses) {
    if (!exceeded) continue;
    if (seconds === undefined) return undefined;
    longest = Math.max(longest, seconds);
  }
  return longest === 0 ? undefined : longest;
}
