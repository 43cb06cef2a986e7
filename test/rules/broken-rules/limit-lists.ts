import { type BrokenRules, withDescriptor, withLimit, withLimits } from './templates.ts';

/** Files whose fault is in a list of limits, or in the limits that a limit replaces. */
export const LIMIT_LISTS: readonly BrokenRules[] = [
  ['an empty list of limits', withLimits('[]'), '3:22: limits: must be a list of 1 to 16 limits (got 0)'],
  [
    'a mapping as limits',
    withLimits('{requests: 1, window: 1s}'),
    '3:22: limits: must be a list of 1 to 16 limits (got a mapping)',
  ],
  [
    'a number as a limit',
    withLimits('[5]'),
    '3:23: limits[0]: must be a mapping with unit and requests_per_unit, or with requests and window (got 5)',
  ],
  [
    'seventeen limits',
    withLimits(
      '[{requests: 1, window: 1s}, {requests: 1, window: 2s}, {requests: 1, window: 3s}, {requests: 1, window: 4s}, {requests: 1, window: 5s}, {requests: 1, window: 6s}, {requests: 1, window: 7s}, {requests: 1, window: 8s}, {requests: 1, window: 9s}, {requests: 1, window: 10s}, {requests: 1, window: 11s}, {requests: 1, window: 12s}, {requests: 1, window: 13s}, {requests: 1, window: 14s}, {requests: 1, window: 15s}, {requests: 1, window: 16s}, {requests: 1, window: 17s}]',
    ),
    '3:22: limits: must be a list of 1 to 16 limits (got 17)',
  ],
  [
    'two limits with the same name',
    withLimits('[{requests: 1, window: 60s}, {requests: 2, window: 1m}]'),
    '3:51: limits[1].name: must be unique in its list; a limit without a name is named after its window (got "1m")',
  ],
  [
    'limits together with rate_limit',
    withDescriptor('{key: k, rate_limit: {requests: 1, window: 1s}, limits: [{requests: 1, window: 1m}]}'),
    '3:61: limits: must not be combined with rate_limit; move that limit into the list',
  ],
  [
    'a fault in the second limit',
    withLimits('[{requests: 1, window: 1s}, {requests: 0, window: 1m}]'),
    '3:61: limits[1].requests: must be a whole number from 1 to 4294967295 (got 0)',
  ],
  [
    'a string as replaces',
    withLimit('requests: 1, window: 1s, replaces: other'),
    '3:62: rate_limit.replaces: must be a list of mappings with a name (got "other")',
  ],
  [
    'a string in replaces',
    withLimit('requests: 1, window: 1s, replaces: [other]'),
    '3:63: rate_limit.replaces[0]: must be a mapping with a name (got "other")',
  ],
  [
    'a mapping without a name in replaces',
    withLimit('requests: 1, window: 1s, replaces: [{}]'),
    '3:63: rate_limit.replaces[0].name: must be the name of a limit (got nothing)',
  ],
  [
    'an empty name in replaces',
    withLimit('requests: 1, window: 1s, replaces: [{name: ""}]'),
    '3:70: rate_limit.replaces[0].name: must be the name of a limit (got "")',
  ],
  [
    'a limit that replaces itself',
    withLimit('requests: 1, window: 1s, name: me, replaces: [{name: me}]'),
    '3:80: rate_limit.replaces[0].name: must not be the name of the limit itself (got "me")',
  ],
  [
    'a limit that replaces the name of a window',
    withLimit('requests: 1, window: 1s, replaces: [{name: 1m}]'),
    '3:70: rate_limit.replaces[0].name: must be a name that a limit sets itself, not a window (got "1m")',
  ],
];
