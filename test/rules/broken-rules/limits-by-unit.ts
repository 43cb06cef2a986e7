import { type BrokenRules, withLimit } from './templates.ts';

/** Files whose fault is in a limit with `unit` and `requests_per_unit`. */
export const LIMITS_BY_UNIT: readonly BrokenRules[] = [
  [
    'a unit without requests_per_unit',
    withLimit('unit: day'),
    '3:26: rate_limit.requests_per_unit: must be a whole number from 0 to 4294967295 (got nothing)',
  ],
  [
    'an unknown unit',
    withLimit('unit: fortnight, requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be one of second, minute, hour, day, week, month, year (got "fortnight")',
  ],
  [
    'requests_per_unit without a unit',
    withLimit('requests_per_unit: 1'),
    '3:26: rate_limit.unit: must be one of second, minute, hour, day, week, month, year (got nothing)',
  ],
  [
    'an empty unit',
    withLimit('unit: "", requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be one of second, minute, hour, day, week, month, year (got "")',
  ],
  [
    'a unit in the plural',
    withLimit('unit: minutes, requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be one of second, minute, hour, day, week, month, year (got "minutes")',
  ],
  [
    'a number as unit',
    withLimit('unit: 60, requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be one of second, minute, hour, day, week, month, year (got 60)',
  ],
  [
    'a list as unit',
    withLimit('unit: [day], requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be a string (got a list)',
  ],
  [
    'the name of a JavaScript property as unit',
    withLimit('unit: constructor, requests_per_unit: 1'),
    '3:33: rate_limit.unit: must be one of second, minute, hour, day, week, month, year (got "constructor")',
  ],
  [
    'a misspelled unit',
    withLimit('unti: day, requests_per_unit: 1'),
    '3:27: rate_limit.unti: unknown field; did you mean unit?',
  ],
  [
    'a misspelled requests_per_unit',
    withLimit('unit: day, request_per_unit: 1'),
    '3:38: rate_limit.request_per_unit: unknown field; did you mean requests_per_unit?',
  ],
  [
    'a negative requests_per_unit',
    withLimit('unit: day, requests_per_unit: -1'),
    '3:57: rate_limit.requests_per_unit: must be a whole number from 0 to 4294967295 (got -1)',
  ],
  [
    'a fraction as requests_per_unit',
    withLimit('unit: day, requests_per_unit: 0.5'),
    '3:57: rate_limit.requests_per_unit: must be a whole number from 0 to 4294967295 (got 0.5)',
  ],
  [
    'a string as requests_per_unit',
    withLimit('unit: day, requests_per_unit: "5"'),
    '3:57: rate_limit.requests_per_unit: must be a whole number from 0 to 4294967295 (got "5")',
  ],
  [
    'a requests_per_unit of more than 32 bits',
    withLimit('unit: day, requests_per_unit: 4294967296'),
    '3:57: rate_limit.requests_per_unit: must be a whole number from 0 to 4294967295 (got 4294967296)',
  ],
  [
    'a unit_multiplier of zero',
    withLimit('unit: day, requests_per_unit: 1, unit_multiplier: 0'),
    '3:77: rate_limit.unit_multiplier: must be a whole number from 1 to 3650 (got 0)',
  ],
  [
    'a negative unit_multiplier',
    withLimit('unit: day, requests_per_unit: 1, unit_multiplier: -2'),
    '3:77: rate_limit.unit_multiplier: must be a whole number from 1 to 3650 (got -2)',
  ],
  [
    'a unit_multiplier that makes more than ten years',
    withLimit('unit: year, requests_per_unit: 1, unit_multiplier: 11'),
    '3:78: rate_limit.unit_multiplier: must be a whole number from 1 to 10 (got 11)',
  ],
  [
    'a huge unit_multiplier',
    withLimit('unit: second, requests_per_unit: 1, unit_multiplier: 1e300'),
    '3:80: rate_limit.unit_multiplier: must be a whole number from 1 to 315360000 (got 1e300)',
  ],
  [
    'a fraction as unit_multiplier',
    withLimit('unit: day, unit_multiplier: 0.5, requests_per_unit: 1'),
    '3:55: rate_limit.unit_multiplier: must be a whole number from 1 to 3650 (got 0.5)',
  ],
  [
    'a calendar limit of two years',
    withLimit('unit: year, unit_multiplier: 2, requests_per_unit: 1, algorithm: calendar'),
    '3:33: rate_limit.unit: must be hour, day, week, month or year, without unit_multiplier, for the algorithm calendar (got "year")',
  ],
  [
    'a calendar limit of a minute',
    withLimit('unit: minute, requests_per_unit: 1, algorithm: calendar'),
    '3:33: rate_limit.unit: must be hour, day, week, month or year, without unit_multiplier, for the algorithm calendar (got "minute")',
  ],
  [
    'a unit together with a window',
    withLimit('unit: day, requests_per_unit: 1, window: 1s'),
    '3:60: rate_limit.window: must not be combined with unit, requests_per_unit or unit_multiplier',
  ],
];
