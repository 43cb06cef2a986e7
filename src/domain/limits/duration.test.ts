import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

describe('a duration', () => {
  it.each([
    ['1s', 1],
    ['60s', 60],
    ['5m', 300],
    ['1h', 3600],
    ['30d', 2_592_000],
    ['1w', 604_800],
    ['3650d', 315_360_000],
  ])('%s is %d seconds', (text, seconds) => expect(parseDuration(text)).toBe(seconds));

  it.each([
    '',
    '60',
    's',
    '0s',
    '-1s',
    '1.5s',
    '01s',
    '1 s',
    '1S',
    '1mo',
    '1s1s',
    '3651d',
    '522w',
    '9999999999s',
    '１s',
  ])('cannot be "%s"', (text) => expect(parseDuration(text)).toBeUndefined());

  it.each([
    ['60s', '1m'],
    ['90s', '90s'],
    ['24h', '1d'],
    ['7d', '1w'],
    ['30d', '30d'],
  ])('%s has the shortest form %s', (text, short) => expect(formatDuration(parseDuration(text) ?? 0)).toBe(short));
});
