import { expect, it } from 'vitest';
import { StringInterner } from './string-interner.ts';

it('gives equal texts the same number while they are in use', () => {
  const interner = new StringInterner();
  const [first, again, other] = [interner.intern('pro'), interner.intern('pro'), interner.intern('free')];
  expect(again).toBe(first);
  expect(other).not.toBe(first);
  interner.release(first);
  expect(interner.textFor(first)).toBe('pro');
  expect(interner.textFor(other)).toBe('free');
});

it('reuses the number of a text after its last use is released', () => {
  const interner = new StringInterner();
  const number = interner.intern('pro');
  interner.release(number);
  expect(interner.intern('free')).toBe(number);
  expect(interner.textFor(number)).toBe('free');
  expect(interner.intern('pro')).not.toBe(number);
});

it('throws for a number that it never gave out', () => {
  expect(() => new StringInterner().textFor(0)).toThrow('number: must be that of a text (got 0)');
});
