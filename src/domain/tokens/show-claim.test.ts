import { expect, it } from 'vitest';
import { showClaim } from './show-claim.ts';

it.each<readonly [unknown, string]>([
  ['https://login.example.com/', 'https://login.example.com/'],
  ['', 'an empty text'],
  [undefined, 'nothing'],
  [null, 'null'],
  [7, 'a number'],
  [{ a: 1 }, 'an object'],
  [['api', 7, ['x']], '[api, a number, a list]'],
  ['a\nb\u001b[2J\u00e9', 'a\\u000ab\\u001b[2J\\u00e9'],
])('a claim %j is shown as %s', (claim, shown) => expect(showClaim(claim)).toBe(shown));

it('a claim of any length is shown in a bounded number of characters', () => {
  expect(showClaim('x'.repeat(1_000_000))).toBe(`${'x'.repeat(200)}...`);
  expect(showClaim(Array.from({ length: 100_000 }, () => '\n'.repeat(1000))).length).toBeLessThan(10_000);
});
