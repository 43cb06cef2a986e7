import { expect, it } from 'vitest';
import { splitCookies } from './cookies.ts';

const split = (header: string) => {
  const { values, rest } = splitCookies(header, new Set(['key', 'other']));
  return [Object.fromEntries(values), rest];
};

it('separates the cookies that are looked for from all others', () => {
  expect(split('a=1; key=K;b=2')).toEqual([{ key: 'K' }, 'a=1; b=2']);
  expect(split('key=K')).toEqual([{ key: 'K' }, '']);
  expect(split('key = "K" ;; other=x=y; a')).toEqual([{ key: 'K', other: 'x=y' }, 'a']);
  expect(split('key=a; b=1; key=b')).toEqual([{ key: 'a,b' }, 'b=1']);
  expect(split('key; a=key=1; KEY=2; =key')).toEqual([{ key: '' }, 'a=key=1; KEY=2; =key']);
  expect(split('')).toEqual([{}, '']);
});
