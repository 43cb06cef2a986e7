import { type BrokenRules, withDescriptor, withLimit } from './templates.ts';

/** Files whose fault is in a mode of a rule, its candidate or its metadata. */
export const RULE_MODES: readonly BrokenRules[] = [
  [
    'a string as shadow_mode',
    withDescriptor('{key: k, shadow_mode: "yes"}'),
    '3:27: shadow_mode: must be true or false (got "yes")',
  ],
  [
    'a number as shadow_mode',
    withDescriptor('{key: k, shadow_mode: 1}'),
    '3:27: shadow_mode: must be true or false (got 1)',
  ],
  [
    'a misspelled shadow_mode',
    withDescriptor('{key: k, shadowmode: true}'),
    '3:14: shadowmode: unknown field; did you mean shadow_mode?',
  ],
  [
    'a concurrency limit in shadow mode',
    withDescriptor('{key: k, shadow_mode: true, limits: [{requests: 1, window: 1m, algorithm: concurrency}]}'),
    '3:27: shadow_mode: must not be combined with the algorithm concurrency: no receipt would release the slots',
  ],
  [
    'a string as quota_mode',
    withDescriptor('{key: k, quota_mode: sometimes}'),
    '3:26: quota_mode: must be true or false (got "sometimes")',
  ],
  [
    'quota_mode together with shadow_mode',
    withDescriptor('{key: k, shadow_mode: true, quota_mode: true, rate_limit: {requests: 1, window: 1s}}'),
    '3:45: quota_mode: must not be combined with shadow_mode, which rejects nothing',
  ],
  [
    'a concurrency limit in quota mode',
    withDescriptor('{key: k, quota_mode: true, rate_limit: {requests: 1, window: 1s, algorithm: concurrency}}'),
    '3:26: quota_mode: must not be combined with the algorithm concurrency: no receipt would release the slots',
  ],
  [
    'a limit with settle in quota mode',
    withDescriptor('{key: k, quota_mode: true, rate_limit: {requests: 1, window: 1s, settle: true}}'),
    '3:26: quota_mode: must not be combined with settle: there is no receipt to settle with',
  ],
  [
    'quota_mode in the domain edge',
    withDescriptor('{key: k, quota_mode: true, rate_limit: {requests: 1, window: 1s}}').replace(
      'domain: a',
      'domain: edge',
    ),
    '3:26: quota_mode: must be left out in the domain edge, which Check charges too',
  ],
  [
    'detailed_metric in the domain edge',
    withDescriptor('{key: k, detailed_metric: true, rate_limit: {requests: 1, window: 1s}}').replace(
      'domain: a',
      'domain: edge',
    ),
    '3:31: detailed_metric: must be left out in the domain edge, which Check charges too',
  ],
  [
    'settle in the domain edge',
    withLimit('requests: 1, window: 1s, settle: true').replace('domain: a', 'domain: edge'),
    '3:26: rate_limit: must not use settle in the domain edge: Check issues no receipt to settle with',
  ],
  [
    'credits in the domain edge',
    withLimit('requests: 1, algorithm: credits').replace('domain: a', 'domain: edge'),
    '3:26: rate_limit: must not have the algorithm credits in the domain edge: its counters would stay for ever',
  ],
  [
    'shadow_mode in the domain admin',
    withDescriptor('{key: k, shadow_mode: true, rate_limit: {requests: 1, window: 1s}}').replace(
      'domain: a',
      'domain: admin',
    ),
    '3:27: shadow_mode: must be left out in the domain admin, which the admin API charges',
  ],
  [
    'settle in the domain admin',
    withLimit('requests: 1, window: 1s, settle: true').replace('domain: a', 'domain: admin'),
    '3:26: rate_limit: must not use settle in the domain admin: calls of the admin API have no receipt to settle with',
  ],
  [
    'concurrency in the domain admin',
    withLimit('requests: 1, window: 1s, algorithm: concurrency').replace('domain: a', 'domain: admin'),
    '3:26: rate_limit: must not have the algorithm concurrency in the domain admin: calls in progress are bounded without a rule',
  ],
  [
    'a number as value_to_metric',
    withDescriptor('{key: k, value_to_metric: 1}'),
    '3:31: value_to_metric: must be true or false (got 1)',
  ],
  ['a list as metadata', withDescriptor('{key: k, metadata: [a]}'), '3:24: metadata: must be a mapping (got a list)'],
  [
    'an infinite number in metadata',
    withDescriptor('{key: k, metadata: {a: .inf}}'),
    '3:28: metadata.a: must be a finite number',
  ],
  [
    'metadata nested too deep',
    withDescriptor(`{key: k, metadata: ${'{a: '.repeat(9)}b${'}'.repeat(9)}}`),
    '3:56: metadata.a.a.a.a.a.a.a.a: must be nested at most 8 levels deep',
  ],
  [
    'metadata of more than 4 KB',
    withDescriptor(`{key: k, metadata: {a: ${'b'.repeat(4096)}}}`),
    '3:24: metadata: must be at most 4096 bytes as JSON (got 4104)',
  ],
  [
    'a number as candidate',
    withDescriptor('{key: k, candidate: 5}'),
    '3:25: candidate: must be a mapping with unit and requests_per_unit, or with requests and window (got 5)',
  ],
  [
    'a candidate with an unknown unit',
    withDescriptor('{key: k, rate_limit: {requests: 1, window: 1s}, candidate: {unit: eon, requests_per_unit: 1}}'),
    '3:71: candidate.unit: must be one of second, minute, hour, day, week, month, year (got "eon")',
  ],
  [
    'a candidate without a limit',
    withDescriptor('{key: k, candidate: {requests: 1, window: 1s}}'),
    '3:25: candidate: must be combined with rate_limit or limits, which may be unlimited',
  ],
  [
    'a candidate with the name of a limit',
    withDescriptor(
      '{key: k, rate_limit: {name: a, requests: 2, window: 1s}, candidate: {name: a, requests: 1, window: 1s}}',
    ),
    '3:80: candidate.name: must not be the name of a limit with the same algorithm and window (got "a")',
  ],
  [
    'a candidate with the algorithm concurrency',
    withDescriptor(
      '{key: k, rate_limit: {requests: 2, window: 1s}, candidate: {requests: 1, window: 1s, algorithm: concurrency}}',
    ),
    '3:64: candidate: must not have the algorithm concurrency',
  ],
  [
    'a candidate with settle',
    withDescriptor(
      '{key: k, rate_limit: {requests: 2, window: 1s}, candidate: {requests: 1, window: 1s, settle: true}}',
    ),
    '3:98: candidate.settle: must be left out: a candidate is on no receipt',
  ],
  [
    'a candidate with replaces',
    withDescriptor(
      '{key: k, rate_limit: {requests: 2, window: 1s}, candidate: {requests: 1, window: 1s, replaces: [{name: a}]}}',
    ),
    '3:100: candidate.replaces: must be left out',
  ],
];
