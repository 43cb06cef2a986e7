import { describe, expect, it } from 'vitest';
import { generateNextRefreshToken, generateRefreshToken, parseRefreshToken } from './refresh-token.ts';

describe('a refresh token', () => {
  it('is followed by a different token of the same family', () => {
    const first = generateRefreshToken();
    const next = generateNextRefreshToken(first);
    expect(next.familyDigest).toEqual(first.familyDigest);
    expect(next.tokenDigest).not.toEqual(first.tokenDigest);
  });

  it('gets a family of its own if it is the first of a session', () => {
    expect(generateRefreshToken().familyDigest).not.toEqual(generateRefreshToken().familyDigest);
  });

  it('is parsed back from its text', () => {
    const token = generateRefreshToken();
    expect(parseRefreshToken(token.text)).toEqual(token);
  });

  it.each(['', 'wr_', 'wk_live_x', `wr_${'a'.repeat(32)}`, `wr_${'a'.repeat(32)}.${'b'.repeat(33)}`])(
    'is not parsed from %j, which has a different form',
    (text) => {
      expect(parseRefreshToken(text)).toBeUndefined();
    },
  );
});
