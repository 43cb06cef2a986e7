import { type BrokenRules, withDescriptor, withLimit } from './templates.ts';

/** Files whose fault is in a limit with `requests` and `window`, or in one that is unlimited. */
export const LIMITS_BY_WINDOW: readonly BrokenRules[] = [
  [
    'a number as rate_limit',
    withDescriptor('{key: k, rate_limit: 5}'),
    '3:26: rate_limit: must be a mapping with unit and requests_per_unit, or with requests and window (got 5)',
  ],
  [
    'a list as rate_limit',
    withDescriptor('{key: k, rate_limit: [5]}'),
    '3:26: rate_limit: must be a mapping; use limits for a list (got a list)',
  ],
  [
    'null as rate_limit',
    withDescriptor('{key: k, rate_limit: }'),
    '3:26: rate_limit: must be a mapping with unit and requests_per_unit, or with requests and window (got null)',
  ],
  [
    'routes, which only limits of plans have',
    withLimit('requests: 5, window: 1m, routes: [search]'),
    '3:52: rate_limit.routes: unknown field; the known fields are name, requests, window, algorithm, burst, block_for, lease, settle, charge_rejected, on_store_failure, time_zone, anchor_day, notify_at, unlimited, replaces',
  ],
  [
    'per, which only limits of plans have',
    withLimit('requests: 5, window: 1m, per: account'),
    '3:52: rate_limit.per: unknown field; the known fields are name, requests, window, algorithm, burst, block_for, lease, settle, charge_rejected, on_store_failure, time_zone, anchor_day, notify_at, unlimited, replaces',
  ],
  [
    'zero requests',
    withLimit('requests: 0, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got 0)',
  ],
  [
    'negative requests',
    withLimit('requests: -1, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got -1)',
  ],
  [
    'infinite requests',
    withLimit('requests: .inf, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got Infinity)',
  ],
  [
    'requests that are not a number',
    withLimit('requests: .nan, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got NaN)',
  ],
  [
    'requests of more than 32 bits',
    withLimit('requests: 1e18, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got 1000000000000000000)',
  ],
  [
    'a window without requests',
    withLimit('window: 1s'),
    '3:26: rate_limit.requests: must be a whole number from 1 to 4294967295 (got nothing)',
  ],
  [
    'null as requests',
    withLimit('requests: , window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got null)',
  ],
  [
    'a misspelled requests',
    withLimit('reqests: 1, window: 1s'),
    '3:27: rate_limit.reqests: unknown field; did you mean requests?',
  ],
  [
    'requests twice',
    withLimit('requests: 1, requests: 2, window: 1s'),
    '3:40: duplicate field: a mapping must have each field only once',
  ],
  [
    'requests without a window',
    withLimit('requests: 1'),
    '3:26: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got nothing)',
  ],
  [
    'a window without a unit',
    withLimit('requests: 1, window: 60'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "60")',
  ],
  [
    'a window of zero',
    withLimit('requests: 1, window: 0s'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "0s")',
  ],
  [
    'a negative window',
    withLimit('requests: 1, window: -1s'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "-1s")',
  ],
  [
    'a fraction as window',
    withLimit('requests: 1, window: 0.5s'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "0.5s")',
  ],
  [
    'a window in words',
    withLimit('requests: 1, window: a minute'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "a minute")',
  ],
  [
    'a window of more than ten years',
    withLimit('requests: 1, window: 3651d'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "3651d")',
  ],
  [
    'a huge window',
    withLimit('requests: 1, window: 99999999999999999999s'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year)',
  ],
  [
    'a sliding window of a month',
    withLimit('requests: 1, window: 1mo'),
    '3:48: rate_limit.window: must be in s, m (minutes), h, d or w: only the algorithm calendar has months and years (got "1mo")',
  ],
  [
    'a misspelled window',
    withLimit('requests: 1, windwo: 1s'),
    '3:40: rate_limit.windwo: unknown field; did you mean window?',
  ],
  [
    'an unknown algorithm',
    withLimit('requests: 1, window: 1s, algorithm: leaky_bucket'),
    '3:63: rate_limit.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency, credits, unlimited (got "leaky_bucket")',
  ],
  [
    'an algorithm in capitals',
    withLimit('requests: 1, window: 1s, algorithm: FIXED_WINDOW'),
    '3:63: rate_limit.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency, credits, unlimited (got "FIXED_WINDOW")',
  ],
  [
    'a misspelled name of the field algorithm',
    withLimit('requests: 1, window: 1s, algorthm: fixed_window'),
    '3:52: rate_limit.algorthm: unknown field; did you mean algorithm?',
  ],
  [
    'a burst of a sliding window',
    withLimit('requests: 1, window: 1s, burst: 5'),
    '3:59: rate_limit.burst: must be left out for the algorithm sliding_window; allowed for token_bucket',
  ],
  [
    'a burst of zero',
    withLimit('requests: 1, window: 1s, algorithm: token_bucket, burst: 0'),
    '3:84: rate_limit.burst: must be a whole number from 1 to 4294967295 (got 0)',
  ],
  [
    'a burst that is too large for its window',
    withLimit('requests: 1, window: 3650d, algorithm: token_bucket, burst: 4294967295'),
    '3:87: rate_limit.burst: must be at most 28 for a window of 315360000 seconds; the default is requests (got 4294967295)',
  ],
  [
    'a calendar window of five minutes',
    withLimit('requests: 1, window: 5m, algorithm: calendar'),
    '3:48: rate_limit.window: must be 1h, 1d, 1w, 1mo (a month) or 1y (a year) for the algorithm calendar, the default for limits of a plan from 1d on (got "5m")',
  ],
  [
    'an unknown time zone',
    withLimit('requests: 1, window: 1d, algorithm: calendar, time_zone: Mars/Olympus'),
    '3:84: rate_limit.time_zone: must be the name of a time zone in the IANA database, such as UTC or Europe/Berlin (got "Mars/Olympus")',
  ],
  [
    'an anchor_day of 32',
    withLimit('requests: 1, window: 1mo, algorithm: calendar, anchor_day: 32'),
    '3:86: rate_limit.anchor_day: must be a whole number from 1 to 31 (got 32)',
  ],
  [
    'an anchor_day of a week',
    withLimit('requests: 1, window: 1w, algorithm: calendar, anchor_day: 3'),
    '3:85: rate_limit.anchor_day: must be left out unless the window is 1mo',
  ],
  [
    'a concurrency window of a week',
    withLimit('requests: 1, window: 1w, algorithm: concurrency'),
    '3:48: rate_limit.window: must be at most 1d: a slot that is never released stays taken for that time (got "1w")',
  ],
  [
    'a block_for without a unit',
    withLimit('requests: 1, window: 1s, block_for: 5'),
    '3:63: rate_limit.block_for: must be a whole number and a unit, such as 30s, 5m, 1h or 1d, up to 3650d (got "5")',
  ],
  [
    'a block_for of a concurrency limit',
    withLimit('requests: 1, window: 1s, algorithm: concurrency, block_for: 5s'),
    '3:87: rate_limit.block_for: must be left out for the algorithm concurrency; allowed for sliding_window, fixed_window, token_bucket, calendar',
  ],
  [
    'an unknown on_store_failure',
    withLimit('requests: 1, window: 1s, on_store_failure: open'),
    '3:70: rate_limit.on_store_failure: must be one of local, allow, allow_uncounted, deny (got "open")',
  ],
  [
    'a string as lease',
    withLimit('requests: 1, window: 1s, lease: please'),
    '3:59: rate_limit.lease: must be true or false (got "please")',
  ],
  [
    'a lease of a fixed window',
    withLimit('requests: 1, window: 1s, algorithm: fixed_window, lease: true'),
    '3:84: rate_limit.lease: must be left out for the algorithm fixed_window; allowed for sliding_window',
  ],
  [
    'a name with a line feed',
    withLimit('requests: 1, window: 1s, name: "a\\nb"'),
    '3:58: rate_limit.name: must be 1 to 255 characters, without control characters',
  ],
  [
    'a name of 256 characters',
    withLimit(`requests: 1, window: 1s, name: ${'n'.repeat(256)}`),
    '3:58: rate_limit.name: must be 1 to 255 characters, without control characters',
  ],
  [
    'unlimited together with requests',
    withLimit('unlimited: true, requests: 5'),
    '3:44: rate_limit.requests: must be left out if unlimited is true',
  ],
  [
    'a string as unlimited',
    withLimit('unlimited: perhaps'),
    '3:38: rate_limit.unlimited: must be true or false (got "perhaps")',
  ],
  [
    'unlimited together with a unit',
    withLimit('unlimited: true, unit: day'),
    '3:44: rate_limit.unit: must be left out if unlimited is true',
  ],
  [
    'a string as requests',
    withLimit('requests: many, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got "many")',
  ],
  [
    'a list as time_zone',
    withLimit('requests: 1, window: 1d, algorithm: calendar, time_zone: [a]'),
    '3:84: rate_limit.time_zone: must be a string (got a list)',
  ],
  [
    'a mapping as burst',
    withLimit('requests: 1, window: 1s, algorithm: token_bucket, burst: {}'),
    '3:84: rate_limit.burst: must be a whole number from 1 to 4294967295 (got an object)',
  ],
  [
    'yes, which YAML 1.2 reads as a string, as lease',
    withLimit('requests: 1, window: 1s, lease: yes'),
    '3:59: rate_limit.lease: must be true or false (got "yes")',
  ],
  [
    'null as unlimited',
    withLimit('requests: 1, window: 1s, unlimited: '),
    '3:63: rate_limit.unlimited: must be true or false (got null)',
  ],
  [
    'a value that may be a secret',
    withLimit('requests: 1, window: 1s, algorithm: wk_live_0123'),
    '3:63: rate_limit.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency, credits, unlimited',
  ],
  [
    'credits with a window',
    withLimit('window: 1m, requests: 5, algorithm: credits'),
    '3:35: rate_limit.window: must be left out for the algorithm credits; allowed for sliding_window, fixed_window, token_bucket, calendar, concurrency',
  ],
  [
    'credits with a burst',
    withLimit('burst: 9, requests: 5, algorithm: credits'),
    '3:34: rate_limit.burst: must be left out for the algorithm credits; allowed for token_bucket',
  ],
  [
    'credits with block_for',
    withLimit('block_for: 5m, requests: 5, algorithm: credits'),
    '3:38: rate_limit.block_for: must be left out for the algorithm credits; allowed for sliding_window, fixed_window, token_bucket, calendar',
  ],
  [
    'credits with a lease',
    withLimit('lease: true, requests: 5, algorithm: credits'),
    '3:34: rate_limit.lease: must be left out for the algorithm credits; allowed for sliding_window',
  ],
  [
    'credits with a time zone',
    withLimit('time_zone: UTC, requests: 5, algorithm: credits'),
    '3:38: rate_limit.time_zone: must be left out for the algorithm credits; allowed for calendar',
  ],
  [
    'credits with an anchor_day',
    withLimit('anchor_day: 2, requests: 5, algorithm: credits'),
    '3:39: rate_limit.anchor_day: must be left out for the algorithm credits; allowed for calendar',
  ],
  [
    'credits with requests_per_unit',
    withLimit('requests_per_unit: 5, algorithm: credits'),
    '3:46: rate_limit.requests_per_unit: must be left out for the algorithm credits, which has requests and no window',
  ],
  [
    'credits without requests',
    withLimit('algorithm: credits'),
    '3:26: rate_limit.requests: must be a whole number from 1 to 4294967295 (got nothing)',
  ],
];
