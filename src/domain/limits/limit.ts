/** Fields of every limit that counts hits. */
interface BaseCountedLimit {
  readonly name: string;
  readonly requests: number;
  /** 30 days for a calendar month and 365 days for a calendar year, although their lengths vary. */
  readonly windowSeconds: number;
  /**
   * Identifies the limit's counters. Two limits of one subject with equal identities share one counter. Consists of
   * escaped name, algorithm, window, and for a calendar its time zone and anchor day: `burst/s60`, `per%20user/s60`,
   * `month/c1mo@Europe/Berlin#31`. Visible ASCII without `|`.
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
}

/**
 * `local`: the node decides by its own counters and its share of the limit. `allow` and `deny` decide without counting.
 */
export type StoreFailurePolicy = 'local' | 'allow' | 'deny';

/** Never more than `requests` in any rolling window of `windowSeconds`. */
export interface SlidingWindowLimit extends BaseCountedLimit {
  readonly algorithm: 'sliding_window';
  /** Nodes lease slices of the limit in advance and decide locally while a slice lasts. */
  readonly lease?: boolean;
}

/** At most `requests` in each window; windows begin at multiples of their length since 1970. */
export interface FixedWindowLimit extends BaseCountedLimit {
  readonly algorithm: 'fixed_window';
}

/** At most `burst` at once, refilled evenly by `requests` in `windowSeconds`. */
export interface TokenBucketLimit extends BaseCountedLimit {
  readonly algorithm: 'token_bucket';
  readonly burst: number;
}

/** At most `requests` in each hour, day, ISO week, month or year of a time zone. */
export interface CalendarLimit extends BaseCountedLimit {
  readonly algorithm: 'calendar';
  readonly unit: CalendarUnit;
  /** IANA name; undefined: UTC. */
  readonly timeZone?: string;
  /** The day on which a month begins, 1 to 31; shorter months begin on their last day. undefined: 1. */
  readonly anchorDay?: number;
}

export type CalendarUnit = 'hour' | 'day' | 'week' | 'month' | 'year';

/** At most `requests` slots held at once. Each expires after `windowSeconds` unless released, so a crash leaks none. */
export interface ConcurrencyLimit extends BaseCountedLimit {
  readonly algorithm: 'concurrency';
}

/** States explicitly that there is no limit; counts nothing. */
export interface UnlimitedLimit {
  readonly name: string;
  readonly algorithm: 'unlimited';
}

export type CountedLimit = SlidingWindowLimit | FixedWindowLimit | TokenBucketLimit | CalendarLimit | ConcurrencyLimit;

export type Limit = CountedLimit | UnlimitedLimit;

export type Algorithm = Limit['algorithm'];
