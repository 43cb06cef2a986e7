import { expect, it } from 'vitest';
import { parseGoBoolean, parseGoDuration, parsePairs } from './go-values.ts';

it.each([
  ['0', 0],
  ['150us', 0.15],
  ['1.5s', 1500],
  ['1h30m', 5_400_000],
  ['24h', 86_400_000],
  ['10', undefined],
  ['-1s', undefined],
  ['1d', undefined],
  ['', undefined],
])('reads the duration %j as Go does', (text, ms) => {
  expect(parseGoDuration(text)).toBe(ms);
});

it('reads booleans and pairs', () => {
  expect(['1', 't', 'TRUE', '0', 'F', 'yes'].map(parseGoBoolean)).toEqual([true, true, true, false, false, undefined]);
  expect(parsePairs('a:1, b:x:y', ':')).toEqual(
    new Map([
      ['a', '1'],
      ['b', 'x:y'],
    ]),
  );
  expect(parsePairs('a', ':')).toBeUndefined();
});
