/** What a file holds beside its one fault. */
const descriptor = (written: string) => `domain: a
descriptors:
  - ${written}
`;
const limit = (fields: string) => descriptor(`{key: k, rate_limit: {${fields}}}`);
const limits = (list: string) => descriptor(`{key: k, limits: ${list}}`);

/** Rules files by their one fault, and how it is told: line, column, and what is wrong. */
export const BROKEN_RULES: readonly (readonly [fault: string, text: string, told: string])[] = [
  ['an empty file', '', '1:1: must be a map with domain and descriptors'],
  ['only a comment', '# nothing\n', '1:1: must be a map with domain and descriptors'],
  ['only spaces', '  \n', '1:1: must be a map with domain and descriptors'],
  ['a document mark and nothing', '---\n', '1:1: must be a map with domain and descriptors'],
  ['null', 'null\n', '1:1: must be a map with domain and descriptors'],
  ['a text', 'rules\n', '1:1: must be a map with domain and descriptors'],
  ['a number', '5\n', '1:1: must be a map with domain and descriptors'],
  ['a list', '- domain: a\n', '1:1: must be a map with domain and descriptors'],
  ['no domain', 'descriptors: []\n', '1:1: domain: must be a text that is not empty'],
  ['an empty domain', 'domain: ""\n', '1:9: domain: must be a text that is not empty'],
  ['a null domain', 'domain:\n', '1:8: domain: must be a text'],
  ['a list for a domain', 'domain: [a]\n', '1:9: domain: must be a text'],
  ['a map for a domain', 'domain: {a: b}\n', '1:9: domain: must be a text'],
  ['a misspelt domain', 'domian: a\n', '1:1: domian: not supported here; did you mean domain?'],
  [
    'an unknown field',
    'domain: a\nlimits: []\n',
    '2:1: limits: not supported here; known are domain, match, defaults, descriptors',
  ],
  [
    'a field that is a list',
    'domain: a\n? [b]\n: c\n',
    '2:3: key: not supported here; known are domain, match, defaults, descriptors',
  ],
  [
    'a field that is null',
    'domain: a\n: b\n',
    '2:1: null: not supported here; known are domain, match, defaults, descriptors',
  ],
  [
    'a field that is a number',
    'domain: a\n5: b\n',
    '2:1: 5: not supported here; known are domain, match, defaults, descriptors',
  ],
  ['an unknown way to match', 'domain: a\nmatch: longest\n', '2:8: match: must be most_specific, or left out'],
  ['a list for a way to match', 'domain: a\nmatch: []\n', '2:8: match: must be a text'],
  [
    'another way to match at the edge',
    'domain: edge\nmatch: most_specific\n',
    '2:8: match: is not supported in the domain edge',
  ],
  [
    'wildcards without end where the most specific rule is found',
    `domain: a\nmatch: most_specific\ndescriptors:\n${Array.from({ length: 32 }, (_, first) => `  - key: k\n    value: "*${first}*"\n    descriptors: [${Array.from({ length: 32 }, (_, second) => `{key: l, value: "*${second}*"}`).join(', ')}]\n`).join('')}`,
    '2:8: match: a descriptor might be held against 1057 others, and must be against at most 1000; fewer wildcards that fit the same values would do',
  ],
  ['two domains', 'domain: a\ndomain: b\n', '2:1: Map keys must be unique'],
  ['two lists of descriptors', 'domain: a\ndescriptors: []\ndescriptors: []\n', '3:1: Map keys must be unique'],
  ['two documents', 'domain: a\n---\ndomain: b\n', '2:1: a second document must be in a file of its own'],
  [
    'no algorithm by default',
    'domain: a\ndefaults: {}\n',
    '2:11: defaults.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency',
  ],
  [
    'an unknown algorithm by default',
    'domain: a\ndefaults: {algorithm: leaky}\n',
    '2:23: defaults.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency',
  ],
  [
    'unlimited by default',
    'domain: a\ndefaults: {algorithm: unlimited}\n',
    '2:23: defaults.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency',
  ],
  [
    'another default',
    'domain: a\ndefaults: {algorithm: fixed_window, window: 1s}\n',
    '2:37: window: not supported here; known are algorithm',
  ],
  [
    'a misspelt default',
    'domain: a\ndefaults: {algoritm: fixed_window}\n',
    '2:12: algoritm: not supported here; did you mean algorithm?',
  ],
  ['a list of defaults', 'domain: a\ndefaults: [fixed_window]\n', '2:11: defaults: must be a map with algorithm'],
  ['null for defaults', 'domain: a\ndefaults:\n', '2:10: defaults: must be a map with algorithm'],
  ['descriptors that are a map', 'domain: a\ndescriptors: {key: k}\n', '2:14: descriptors: must be a list'],
  ['descriptors that are a text', 'domain: a\ndescriptors: k\n', '2:14: descriptors: must be a list'],
  ['descriptors that are null', 'domain: a\ndescriptors:\n', '2:13: descriptors: must be a list'],
  ['a descriptor that is a text', descriptor('k'), '3:5: descriptors: each must be a map with a key'],
  ['a descriptor that is null', descriptor(''), '3:5: descriptors: each must be a map with a key'],
  ['a descriptor that is a list', descriptor('[k]'), '3:5: descriptors: each must be a map with a key'],
  ['no key', descriptor('{value: v}'), '3:5: key: must be a text that is not empty'],
  ['an empty key', descriptor('{key: ""}'), '3:11: key: must be a text that is not empty'],
  ['a null key', descriptor('{key: }'), '3:11: key: must be a text'],
  ['a list for a key', descriptor('{key: [k]}'), '3:11: key: must be a text'],
  ['a misspelt key', descriptor('{kye: k}'), '3:6: kye: not supported here; did you mean key?'],
  [
    'an unknown field of a descriptor',
    descriptor('{key: k, weight: 5}'),
    '3:14: weight: not supported here; known are key, value, rate_limit, limits, descriptors, shadow_mode, share_threshold, quota_mode, detailed_metric, value_to_metric, metadata, candidate',
  ],
  ['a key with a wildcard', descriptor('{key: "k*"}'), '3:11: key: must have no "*"; values may'],
  ['a key twice', descriptor('{key: k, key: j}'), '3:14: Map keys must be unique'],
  ['a list for a value', descriptor('{key: k, value: [v]}'), '3:21: value: must be a text'],
  ['a map for a value', descriptor('{key: k, value: {v: w}}'), '3:21: value: must be a text'],
  ['a misspelt value', descriptor('{key: k, vlaue: v}'), '3:14: vlaue: not supported here; did you mean value?'],
  ['a descriptor twice', descriptor('{key: k}\n  - {key: k}'), '4:5: key: the descriptor a.k is there twice'],
  [
    'a value twice',
    descriptor('{key: k, value: v}\n  - {key: k, value: v}'),
    '4:5: key: the descriptor a.k_v is there twice',
  ],
  [
    'a wildcard twice',
    descriptor('{key: k, value: v*}\n  - {key: k, value: v*}'),
    '4:5: key: the descriptor a.k_v* is there twice',
  ],
  [
    'an empty value beside none',
    descriptor('{key: k, value: ""}\n  - {key: k}'),
    '4:5: key: the descriptor a.k is there twice',
  ],
  [
    'a number twice, once as a text',
    descriptor('{key: k, value: 5}\n  - {key: k, value: "5"}'),
    '4:5: key: the descriptor a.k_5 is there twice',
  ],
  ['a text for shadow_mode', descriptor('{key: k, shadow_mode: "yes"}'), '3:27: shadow_mode: must be true or false'],
  ['a number for shadow_mode', descriptor('{key: k, shadow_mode: 1}'), '3:27: shadow_mode: must be true or false'],
  [
    'a misspelt shadow_mode',
    descriptor('{key: k, shadowmode: true}'),
    '3:14: shadowmode: not supported here; did you mean shadow_mode?',
  ],
  [
    'share_threshold without a wildcard',
    descriptor('{key: k, value: v, share_threshold: true}'),
    '3:41: share_threshold: must stand beside a value with "*"',
  ],
  [
    'slots in shadow mode',
    descriptor('{key: k, shadow_mode: true, limits: [{requests: 1, window: 1m, algorithm: concurrency}]}'),
    '3:27: shadow_mode: must not stand beside concurrency: no receipt is told that would give its slots back',
  ],
  [
    'share_threshold without a value',
    descriptor('{key: k, share_threshold: true}'),
    '3:31: share_threshold: must stand beside a value with "*"',
  ],
  [
    'quota_mode that is a text',
    descriptor('{key: k, quota_mode: sometimes}'),
    '3:26: quota_mode: must be true or false',
  ],
  [
    'quota_mode beside shadow_mode',
    descriptor('{key: k, shadow_mode: true, quota_mode: true, rate_limit: {requests: 1, window: 1s}}'),
    '3:45: quota_mode: must not stand beside shadow_mode, which refuses nothing',
  ],
  [
    'quota_mode beside concurrency',
    descriptor('{key: k, quota_mode: true, rate_limit: {requests: 1, window: 1s, algorithm: concurrency}}'),
    '3:26: quota_mode: must not stand beside concurrency: no receipt is told that would give its slots back',
  ],
  [
    'quota_mode beside settle',
    descriptor('{key: k, quota_mode: true, rate_limit: {requests: 1, window: 1s, settle: true}}'),
    '3:26: quota_mode: must not stand beside settle: no receipt is told to settle with',
  ],
  [
    'quota_mode at the edge',
    descriptor('{key: k, quota_mode: true, rate_limit: {requests: 1, window: 1s}}').replace(
      'domain: a',
      'domain: edge',
    ),
    '3:26: quota_mode: is not supported in the domain edge, which Check charges as well',
  ],
  [
    'detailed_metric at the edge',
    descriptor('{key: k, detailed_metric: true, rate_limit: {requests: 1, window: 1s}}').replace(
      'domain: a',
      'domain: edge',
    ),
    '3:31: detailed_metric: is not supported in the domain edge, which Check charges as well',
  ],
  [
    'settle at the edge',
    limit('requests: 1, window: 1s, settle: true').replace('domain: a', 'domain: edge'),
    '3:26: settle: must be left out in the domain edge: Check has no receipt to settle with',
  ],
  [
    'value_to_metric that is a number',
    descriptor('{key: k, value_to_metric: 1}'),
    '3:31: value_to_metric: must be true or false',
  ],
  ['metadata that is a list', descriptor('{key: k, metadata: [a]}'), '3:24: metadata: must be a map'],
  ['metadata without an end', descriptor('{key: k, metadata: {a: .inf}}'), '3:28: metadata: must have finite numbers'],
  [
    'metadata that is nested too deep',
    descriptor(`{key: k, metadata: ${'{a: '.repeat(9)}b${'}'.repeat(9)}}`),
    '3:56: metadata: must be nested at most 8 deep',
  ],
  [
    'metadata that is too long',
    descriptor(`{key: k, metadata: {a: ${'b'.repeat(4096)}}}`),
    '3:24: metadata: must be at most 4096 bytes as JSON',
  ],
  [
    'a candidate that is a number',
    descriptor('{key: k, candidate: 5}'),
    '3:25: candidate: must be a map with unit and requests_per_unit, or with requests and window',
  ],
  [
    'a candidate of an unknown unit',
    descriptor('{key: k, rate_limit: {requests: 1, window: 1s}, candidate: {unit: eon, requests_per_unit: 1}}'),
    '3:71: candidate.unit: must be one of second, minute, hour, day, week, month, year',
  ],
  [
    'a candidate without a limit',
    descriptor('{key: k, candidate: {requests: 1, window: 1s}}'),
    '3:25: candidate: must stand beside rate_limit or limits, which may be unlimited',
  ],
  [
    'a candidate by the name of a limit',
    descriptor(
      '{key: k, rate_limit: {name: a, requests: 2, window: 1s}, candidate: {name: a, requests: 1, window: 1s}}',
    ),
    '3:80: candidate.name: must not be that of a limit; "a" is taken',
  ],
  [
    'a candidate of slots',
    descriptor(
      '{key: k, rate_limit: {requests: 2, window: 1s}, candidate: {requests: 1, window: 1s, algorithm: concurrency}}',
    ),
    '3:64: candidate: must not be concurrency',
  ],
  [
    'a rate_limit that is a number',
    descriptor('{key: k, rate_limit: 5}'),
    '3:26: rate_limit: must be a map with unit and requests_per_unit, or with requests and window',
  ],
  [
    'a rate_limit that is a list',
    descriptor('{key: k, rate_limit: [5]}'),
    '3:26: rate_limit: must be a map with unit and requests_per_unit, or with requests and window',
  ],
  [
    'a rate_limit that is null',
    descriptor('{key: k, rate_limit: }'),
    '3:26: rate_limit: must be a map with unit and requests_per_unit, or with requests and window',
  ],
  [
    'an empty rate_limit of a unit',
    limit('unit: day'),
    '3:26: rate_limit.requests_per_unit: must be a whole number from 0 to 4294967295 (got nothing)',
  ],
  [
    'a misspelt rate_limit',
    descriptor('{key: k, rate_limits: {requests: 1, window: 1s}}'),
    '3:14: rate_limits: not supported here; did you mean rate_limit?',
  ],
  [
    'an unknown unit',
    limit('unit: fortnight, requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be one of second, minute, hour, day, week, month, year',
  ],
  [
    'no unit',
    limit('requests_per_unit: 1'),
    '3:26: rate_limit.unit: must be one of second, minute, hour, day, week, month, year',
  ],
  [
    'an empty unit',
    limit('unit: "", requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be one of second, minute, hour, day, week, month, year',
  ],
  [
    'a unit of many',
    limit('unit: minutes, requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be one of second, minute, hour, day, week, month, year',
  ],
  [
    'a number for a unit',
    limit('unit: 60, requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be one of second, minute, hour, day, week, month, year',
  ],
  ['a list for a unit', limit('unit: [day], requests_per_unit: 1'), '3:33: unit: must be a text'],
  [
    'a unit of the language',
    limit('unit: constructor, requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be one of second, minute, hour, day, week, month, year',
  ],
  ['a misspelt unit', limit('unti: day, requests_per_unit: 1'), '3:27: unti: not supported here; did you mean unit?'],
  [
    'a misspelt requests_per_unit',
    limit('unit: day, request_per_unit: 1'),
    '3:38: request_per_unit: not supported here; did you mean requests_per_unit?',
  ],
  [
    'negative requests per unit',
    limit('unit: day, requests_per_unit: -1'),
    '3:57: rate_limit.requests_per_unit: must be a whole number from 0 to 4294967295 (got -1)',
  ],
  [
    'half a request per unit',
    limit('unit: day, requests_per_unit: 0.5'),
    '3:57: rate_limit.requests_per_unit: must be a whole number from 0 to 4294967295 (got 0.5)',
  ],
  [
    'a text for requests per unit',
    limit('unit: day, requests_per_unit: "5"'),
    '3:57: rate_limit.requests_per_unit: must be a whole number from 0 to 4294967295 (got "5")',
  ],
  [
    'requests per unit beyond 32 bits',
    limit('unit: day, requests_per_unit: 4294967296'),
    '3:57: rate_limit.requests_per_unit: must be a whole number from 0 to 4294967295 (got 4294967296)',
  ],
  [
    'zero for a multiplier',
    limit('unit: day, requests_per_unit: 1, unit_multiplier: 0'),
    '3:77: rate_limit.unit_multiplier: must be a whole number from 1 to 3650',
  ],
  [
    'a negative multiplier',
    limit('unit: day, requests_per_unit: 1, unit_multiplier: -2'),
    '3:77: rate_limit.unit_multiplier: must be a whole number from 1 to 3650',
  ],
  [
    'a multiplier beyond ten years',
    limit('unit: year, requests_per_unit: 1, unit_multiplier: 11'),
    '3:78: rate_limit.unit_multiplier: must be a whole number from 1 to 10',
  ],
  [
    'a multiplier beyond everything',
    limit('unit: second, requests_per_unit: 1, unit_multiplier: 1e300'),
    '3:80: rate_limit.unit_multiplier: must be a whole number from 1 to 315360000',
  ],
  [
    'a unit beside a window',
    limit('unit: day, requests_per_unit: 1, window: 1s'),
    '3:60: window: not supported here; known are unit, requests_per_unit, unit_multiplier, name, algorithm, burst, block_for, lease, settle, on_store_failure, time_zone, anchor_day, unlimited, replaces',
  ],
  [
    'routes, which only plans have',
    limit('requests: 5, window: 1m, routes: [search]'),
    '3:52: routes: not supported here; known are name, requests, window, algorithm, burst, block_for, lease, settle, on_store_failure, time_zone, anchor_day, unlimited, replaces',
  ],
  [
    'per, which only plans have',
    limit('requests: 5, window: 1m, per: account'),
    '3:52: per: not supported here; known are name, requests, window, algorithm, burst, block_for, lease, settle, on_store_failure, time_zone, anchor_day, unlimited, replaces',
  ],
  [
    'zero requests',
    limit('requests: 0, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got 0)',
  ],
  [
    'negative requests',
    limit('requests: -1, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got -1)',
  ],
  [
    'infinite requests',
    limit('requests: .inf, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got Infinity)',
  ],
  [
    'requests that are not a number',
    limit('requests: .nan, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got NaN)',
  ],
  [
    'requests beyond 32 bits',
    limit('requests: 1e18, window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295 (got 1000000000000000000)',
  ],
  [
    'no requests',
    limit('window: 1s'),
    '3:26: rate_limit.requests: must be a whole number from 1 to 4294967295 (got nothing)',
  ],
  [
    'null requests',
    limit('requests: , window: 1s'),
    '3:37: rate_limit.requests: must be a whole number from 1 to 4294967295',
  ],
  ['a misspelt requests', limit('reqests: 1, window: 1s'), '3:27: reqests: not supported here; did you mean requests?'],
  ['requests twice', limit('requests: 1, requests: 2, window: 1s'), '3:40: Map keys must be unique'],
  [
    'no window',
    limit('requests: 1'),
    '3:26: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got nothing)',
  ],
  [
    'a window without a unit',
    limit('requests: 1, window: 60'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "60")',
  ],
  [
    'a window of zero',
    limit('requests: 1, window: 0s'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "0s")',
  ],
  [
    'a negative window',
    limit('requests: 1, window: -1s'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "-1s")',
  ],
  [
    'half a window',
    limit('requests: 1, window: 0.5s'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "0.5s")',
  ],
  [
    'a window in words',
    limit('requests: 1, window: a minute'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "a minute")',
  ],
  [
    'a window beyond ten years',
    limit('requests: 1, window: 3651d'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year) (got "3651d")',
  ],
  [
    'a window beyond everything',
    limit('requests: 1, window: 99999999999999999999s'),
    '3:48: rate_limit.window: must be a whole number and a unit, such as 30s, 5m (minutes), 1h, 7d or 1w, up to 3650d; for the algorithm calendar also 1mo (a month) or 1y (a year)',
  ],
  [
    'a month that slides',
    limit('requests: 1, window: 1mo'),
    '3:48: rate_limit.window: must be in s, m (minutes), h, d or w: only the algorithm calendar has months and years (got "1mo")',
  ],
  ['a misspelt window', limit('requests: 1, windwo: 1s'), '3:40: windwo: not supported here; did you mean window?'],
  [
    'an unknown algorithm',
    limit('requests: 1, window: 1s, algorithm: leaky_bucket'),
    '3:63: rate_limit.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency, unlimited (got "leaky_bucket")',
  ],
  [
    'an algorithm in capitals',
    limit('requests: 1, window: 1s, algorithm: FIXED_WINDOW'),
    '3:63: rate_limit.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency, unlimited (got "FIXED_WINDOW")',
  ],
  [
    'a misspelt algorithm',
    limit('requests: 1, window: 1s, algorthm: fixed_window'),
    '3:52: algorthm: not supported here; did you mean algorithm?',
  ],
  [
    'a burst that slides',
    limit('requests: 1, window: 1s, burst: 5'),
    '3:59: rate_limit.burst: must be left out for the algorithm sliding_window; allowed for token_bucket',
  ],
  [
    'zero burst',
    limit('requests: 1, window: 1s, algorithm: token_bucket, burst: 0'),
    '3:84: rate_limit.burst: must be a whole number from 1 to 4294967295 (got 0)',
  ],
  [
    'a burst beyond its window',
    limit('requests: 1, window: 3650d, algorithm: token_bucket, burst: 4294967295'),
    '3:87: rate_limit.burst: must be at most 28 for a window of 315360000 seconds; the default is requests (got 4294967295)',
  ],
  [
    'five minutes of the calendar',
    limit('requests: 1, window: 5m, algorithm: calendar'),
    '3:48: rate_limit.window: must be 1h, 1d, 1w, 1mo (a month) or 1y (a year) for the algorithm calendar, the default for limits of a plan from 1d on (got "5m")',
  ],
  [
    'an unknown time zone',
    limit('requests: 1, window: 1d, algorithm: calendar, time_zone: Mars/Olympus'),
    '3:84: rate_limit.time_zone: must be the name of a time zone in the IANA database, such as UTC or Europe/Berlin (got "Mars/Olympus")',
  ],
  [
    'an anchor day 32',
    limit('requests: 1, window: 1mo, algorithm: calendar, anchor_day: 32'),
    '3:86: rate_limit.anchor_day: must be a whole number from 1 to 31 (got 32)',
  ],
  [
    'an anchor day of a week',
    limit('requests: 1, window: 1w, algorithm: calendar, anchor_day: 3'),
    '3:85: rate_limit.anchor_day: must be left out unless the window is 1mo',
  ],
  [
    'slots held for a week',
    limit('requests: 1, window: 1w, algorithm: concurrency'),
    '3:48: rate_limit.window: must be at most 1d: a slot that is never released stays taken for that time (got "1w")',
  ],
  [
    'a block without a unit',
    limit('requests: 1, window: 1s, block_for: 5'),
    '3:63: rate_limit.block_for: must be a whole number and a unit, such as 30s, 5m, 1h or 1d, up to 3650d (got "5")',
  ],
  [
    'a block of slots',
    limit('requests: 1, window: 1s, algorithm: concurrency, block_for: 5s'),
    '3:87: rate_limit.block_for: must be left out for the algorithm concurrency; allowed for sliding_window, fixed_window, token_bucket, calendar',
  ],
  [
    'an unknown policy',
    limit('requests: 1, window: 1s, on_store_failure: open'),
    '3:70: rate_limit.on_store_failure: must be one of local, allow, deny (got "open")',
  ],
  [
    'a text for lease',
    limit('requests: 1, window: 1s, lease: please'),
    '3:59: rate_limit.lease: must be true or false (got "please")',
  ],
  [
    'a lease of a fixed window',
    limit('requests: 1, window: 1s, algorithm: fixed_window, lease: true'),
    '3:84: rate_limit.lease: must be left out for the algorithm fixed_window; allowed for sliding_window',
  ],
  [
    'a name in capitals',
    limit('requests: 1, window: 1s, name: Burst'),
    '3:58: rate_limit.name: must be 1 to 63 characters of a-z, 0-9, "-" and "_" (got "Burst")',
  ],
  [
    'a name with a bar',
    limit('requests: 1, window: 1s, name: "a|b"'),
    '3:58: rate_limit.name: must be 1 to 63 characters of a-z, 0-9, "-" and "_" (got "a|b")',
  ],
  [
    'a name of 64 characters',
    limit('requests: 1, window: 1s, name: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn'),
    '3:58: rate_limit.name: must be 1 to 63 characters of a-z, 0-9, "-" and "_"',
  ],
  [
    'unlimited requests',
    limit('unlimited: true, requests: 5'),
    '3:44: requests: not supported here; known are unlimited, name, replaces',
  ],
  ['perhaps unlimited', limit('unlimited: perhaps'), '3:38: rate_limit.unlimited: must be true or false'],
  [
    'a unit of unlimited',
    limit('unlimited: true, unit: day'),
    '3:44: unit: not supported here; known are unlimited, name, replaces',
  ],
  ['no limits in a list', limits('[]'), '3:22: limits: must be a list of 1 to 16 limits'],
  ['limits that are a map', limits('{requests: 1, window: 1s}'), '3:22: limits: must be a list of 1 to 16 limits'],
  [
    'a limit that is a number',
    limits('[5]'),
    '3:23: limits[0]: must be a map with unit and requests_per_unit, or with requests and window',
  ],
  [
    'seventeen limits',
    limits(
      '[{requests: 1, window: 1s}, {requests: 1, window: 2s}, {requests: 1, window: 3s}, {requests: 1, window: 4s}, {requests: 1, window: 5s}, {requests: 1, window: 6s}, {requests: 1, window: 7s}, {requests: 1, window: 8s}, {requests: 1, window: 9s}, {requests: 1, window: 10s}, {requests: 1, window: 11s}, {requests: 1, window: 12s}, {requests: 1, window: 13s}, {requests: 1, window: 14s}, {requests: 1, window: 15s}, {requests: 1, window: 16s}, {requests: 1, window: 17s}]',
    ),
    '3:22: limits: must be a list of 1 to 16 limits',
  ],
  [
    'two limits of one name',
    limits('[{requests: 1, window: 60s}, {requests: 2, window: 1m}]'),
    '3:51: limits[1].name: must be unique, and left out it is the window; "1m" is taken',
  ],
  [
    'limits beside a rate_limit',
    descriptor('{key: k, rate_limit: {requests: 1, window: 1s}, limits: [{requests: 1, window: 1m}]}'),
    '3:61: limits: must not stand beside rate_limit; it goes into the list',
  ],
  [
    'a fault in the second limit',
    limits('[{requests: 1, window: 1s}, {requests: 0, window: 1m}]'),
    '3:61: limits[1].requests: must be a whole number from 1 to 4294967295 (got 0)',
  ],
  [
    'replaces that are a text',
    limit('requests: 1, window: 1s, replaces: other'),
    '3:62: rate_limit.replaces: must be a list of {name}',
  ],
  [
    'a replaced text',
    limit('requests: 1, window: 1s, replaces: [other]'),
    '3:63: rate_limit.replaces[0]: must be a map with a name',
  ],
  [
    'a replaced nobody',
    limit('requests: 1, window: 1s, replaces: [{}]'),
    '3:63: rate_limit.replaces[0].name: must be the name of a limit',
  ],
  [
    'a limit that replaces itself',
    limit('requests: 1, window: 1s, name: me, replaces: [{name: me}]'),
    '3:80: rate_limit.replaces[0].name: must not be the name of the limit itself',
  ],
  [
    'a limit that replaces a window',
    limit('requests: 1, window: 1s, replaces: [{name: 1m}]'),
    '3:70: rate_limit.replaces[0].name: must be a name that was given to a limit; "1m" is a window\'s',
  ],
  [
    'an alias for a value',
    descriptor('{key: &name k, value: *name}'),
    '3:27: *name: aliases are not supported; what they stand for must be written out',
  ],
  [
    'an alias without an anchor',
    descriptor('{key: *nobody}'),
    '3:11: *nobody: aliases are not supported; what they stand for must be written out',
  ],
  [
    'a merged map',
    descriptor('&base {key: k, rate_limit: {requests: 1, window: 1s}}\n  - {key: j, rate_limit: *base}'),
    '4:26: *base: aliases are not supported; what they stand for must be written out',
  ],
  ['an unknown tag', descriptor('{key: !secret k}'), '3:11: Unresolved tag: !secret'],
  [
    'a tag of another language',
    descriptor('{key: !!python/object k}'),
    '3:11: Unresolved tag: tag:yaml.org,2002:python/object',
  ],
  ['YAML 3', '%YAML 3.0\n---\ndomain: a\n', '1:7: Unsupported YAML version 3.0'],
  ['a tab for indentation', 'domain: a\n\tdescriptors: []\n', '2:1: Tabs are not allowed as indentation'],
  [
    'an open list',
    'domain: a\ndescriptors: [{key: k}\n',
    '3:1: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'an open map',
    descriptor('{key: k'),
    '4:1: Flow map in block collection must be sufficiently indented and end with a }',
  ],
  ['an open quote', 'domain: "a\n', '2:1: Missing closing "quote'],
  ['an unknown escape', 'domain: "\\q"\n', '1:10: Invalid escape sequence \\q'],
  ['a colon in a value', 'domain: a: b\n', '1:9: Nested mappings are not allowed in compact mappings'],
  ['a reserved character', 'domain: @a\n', '1:9: Plain value cannot start with reserved character @'],
  ['a NUL', 'domain: a\u0000b\n', '1:10: the character U+0000 must not be in YAML'],
  ['an escape character', 'domain: \u001b[31ma\n', '1:9: the character U+001B must not be in YAML'],
  [
    'a byte order mark in the middle',
    'domain: a\n\ufeffdescriptors: []\n',
    '2:1: \ufeffdescriptors: not supported here; did you mean descriptors?',
  ],
];
