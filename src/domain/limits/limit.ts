/** Fields of every limit that counts hits. */
interface BaseCountedLimit {
  readonly name: string;
  readonly requests: number;
  /**
   * Identifies the limit's counters. Two limits of one subject with equal identities share one counter. Consists of
   * escaped name, algorithm, window if it has one, and for a calendar its time zone and anchor day: `burst/s60`,
   * `per%20user/s60`, `month/c1mo@Europe/Berlin#31`, `trial/b`. Visible ASCII without `|`.
   * `requests` and `burst` are not part of it, so a raised limit keeps its counters.
   */
  readonly identity: string;
  /** After the first rejection, everything is rejected for this time; undefined: only hits that do not fit. */
  readonly blockForSeconds?: number;
  /** Policy while the counters are unavailable; undefined: `local`. */
  readonly onStoreFailure?: StoreFailurePolicy;
  /** A grant's receipt names this limit's charge, so that the actual cost of the request can be settled later. */
  readonly settle?: true;
  /**
   * Rejected requests are charged too: their hits are spent already. What does not fit becomes debt, and while the limit
   * is in debt it rejects even a peek.
   */
  readonly chargeRejected?: true;
  /**
   * Shares of the limit in percent, ascending: an event says when one of them is used. undefined: no events. It is not part
   * of `identity`.
   */
  readonly notifyAt?: readonly number[];
}

/** Fields of every limit that counts hits for a time. */
interface BaseTimedLimit extends BaseCountedLimit {
  /** 30 days for a calendar month and 365 days for a calendar year, although their lengths vary. */
  readonly windowSeconds: number;
}

/**
 * `local`: the node decides alone, by its share of what it knows to be left; for credits, as `deny`. `allow`: everything
 * is granted, and counted once the counters are back. `allow_uncounted`: it is never counted. `deny`: nothing is granted.
 */
export type StoreFailurePolicy = 'local' | 'allow' | 'allow_uncounted' | 'deny';

/** Never more than `requests` in any rolling window of `windowSeconds`. */
export interface SlidingWindowLimit extends BaseTimedLimit {
  readonly algorithm: 'sliding_window';
  /** Nodes lease slices of the limit in advance and decide locally while a slice lasts. */
  readonly lease?: boolean;
}

/** At most `requests` in each window; windows begin at multiples of their length since 1970. */
export interface FixedWindowLimit extends BaseTimedLimit {
  readonly algorithm: 'fixed_window';
}

/** At most `burst` at once, refilled evenly by `requests` in `windowSeconds`. */
export interface TokenBucketLimit extends BaseTimedLimit {
  readonly algorithm: 'token_bucket';
  readonly burst: number;
}

/** At most `requests` in each hour, day, ISO week, month or year of a time zone. */
export interface CalendarLimit extends BaseTimedLimit {
  readonly algorithm: 'calendar';
  readonly unit: CalendarUnit;
  /** IANA name; undefined: UTC. */
  readonly timeZone?: string;
  /** The day on which a month begins, 1 to 31; shorter months begin on their last day. undefined: 1. */
  readonly anchorDay?: number;
}

export type CalendarUnit = 'hour' | 'day' | 'week' | 'month' | 'year';

/** At most `requests` slots held at once. Each expires after `windowSeconds` unless released, so a crash leaks none. */
export interface ConcurrencyLimit extends BaseTimedLimit {
  readonly algorithm: 'concurrency';
}

/** At most `requests` and what an administrator adds, ever: nothing but a refund gives credits back. */
export interface CreditsLimit extends BaseCountedLimit {
  readonly algorithm: 'credits';
}

/** States explicitly that there is no limit; counts nothing. */
export interface UnlimitedLimit {
  readonly name: string;
  readonly algorithm: 'unlimited';
}

/** A limit whose hits count for a time. */
export type TimedLimit = SlidingWindowLimit | FixedWindowLimit | TokenBucketLimit | CalendarLimit | ConcurrencyLimit;

export type CountedLimit = TimedLimit | CreditsLimit;

export type Limit = CountedLimit | UnlimitedLimit;

export type Algorithm = Limit['algorithm'];
