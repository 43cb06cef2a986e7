/** What all limits have that count hits. */
interface Counted {
  readonly name: string;
  readonly requests: number;
  /** Of a calendar's month and year, which differ in length, 30 and 365 days. */
  readonly windowSeconds: number;
  /**
   * What makes two limits of one subject the same counter: name, algorithm, window, and of a calendar its time zone and
   * anchor day, as in `burst/s60` or `month/c1mo@Europe/Berlin#31`. Short, as it stands in every counter's place; at most
   * 255 bytes, no `|`. `requests` and `burst` are not in it: a raised limit keeps what was used.
   */
  readonly identity: string;
  /** From the first refusal on everything is refused for so long; undefined: only what does not fit. */
  readonly blockForSeconds?: number;
  /** What decides while the counters cannot be reached; undefined: `local`. */
  readonly onStoreFailure?: StoreFailurePolicy;
  /** What it is charged is in the receipt of the grant, with which it is settled for what the request really cost. */
  readonly settle?: true;
}

/** `local`: this node's own counters, with its share of the limit; `allow` and `deny` without counting. */
export type StoreFailurePolicy = 'local' | 'allow' | 'deny';

/** Never more than `requests` in any rolling window of `windowSeconds`. */
export interface SlidingWindowLimit extends Counted {
  readonly algorithm: 'sliding_window';
  /** Nodes take slices of it ahead, and decide alone while they last. */
  readonly lease?: boolean;
}

/** At most `requests` in each window; windows begin at multiples of their length since 1970. */
export interface FixedWindowLimit extends Counted {
  readonly algorithm: 'fixed_window';
}

/** At most `burst` at once, refilled evenly by `requests` in `windowSeconds`. */
export interface TokenBucketLimit extends Counted {
  readonly algorithm: 'token_bucket';
  readonly burst: number;
}

/** At most `requests` in each hour, day, ISO week, month or year of a time zone. */
export interface CalendarLimit extends Counted {
  readonly algorithm: 'calendar';
  readonly unit: CalendarUnit;
  /** IANA name; undefined: UTC. */
  readonly timeZone?: string;
  /** Day on which a month begins, 1 to 31; in a shorter month its last one. undefined: 1. */
  readonly anchorDay?: number;
}

export type CalendarUnit = 'hour' | 'day' | 'week' | 'month' | 'year';

/** At most `requests` hits that were not given back, each forgotten after `windowSeconds`, so that a crash leaks none. */
export interface ConcurrencyLimit extends Counted {
  readonly algorithm: 'concurrency';
}

/** Written down to say so; counts nothing. */
export interface UnlimitedLimit {
  readonly name: string;
  readonly algorithm: 'unlimited';
}

export type CountedLimit = SlidingWindowLimit | FixedWindowLimit | TokenBucketLimit | CalendarLimit | ConcurrencyLimit;

export type Limit = CountedLimit | UnlimitedLimit;

export type Algorithm = Limit['algorithm'];
