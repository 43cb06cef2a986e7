import { describe, expect, it } from 'vitest';
import { quoteName, withFound } from './found-value.ts';

describe('a description of what was expected', () => {
  it.each([
    ['free', 'must be set (got "free")'],
    ['', 'must be set (got "")'],
    ['x'.repeat(19), `must be set (got "${'x'.repeat(19)}")`],
    ['Bad id! of 40 characters at most, yes it', 'must be set (got "Bad id! of 40 characters at most, yes it")'],
    [-1, 'must be set (got -1)'],
    [true, 'must be set (got true)'],
  ])('shows the harmless value %j', (found, text) => {
    expect(withFound('must be set', found)).toBe(text);
  });

  it.each([
    ['an API key', 'wk_live_0'],
    ['a refresh token', 'Bearer wr_a.b'],
    ['a JWT', 'eyJhbGciOiJF'],
    ['20 letters and digits in a row', `x ${'a1'.repeat(10)}`],
    ['more than 40 characters', 'Bad id! of 40 characters at most, not it!'],
    ['a control character', 'a\nb'],
    ['a character outside ASCII', 'é'],
  ])('does not show %s', (_, found) => {
    expect(withFound('must be set', found)).toBe('must be set');
  });

  it.each([
    [undefined, 'must be set (got nothing)'],
    [null, 'must be set (got null)'],
    [['a'], 'must be set (got a list)'],
    [{ secret: 'a' }, 'must be set (got an object)'],
  ])('says what else was found: %j', (found, text) => {
    expect(withFound('must be set', found)).toBe(text);
  });
});

describe('a quoted name', () => {
  it('is shown if it looks like a name', () => {
    expect(quoteName('plan')).toBe('"plan"');
    expect(quoteName('a.b_c')).toBe('"a.b_c"');
  });

  it.each(['', 'a b', 'wk_live_0', '7', 'x'.repeat(41)])('is an ellipsis for %j', (text) => {
    expect(quoteName(text)).toBe('"…"');
  });
});
