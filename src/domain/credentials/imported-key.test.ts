import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasImportedKeyLength, isSha256, parseSha256 } from './imported-key.ts';

const anyDigest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

describe('a SHA-256', () => {
  it('is read from hex, base64 and base64url, with and without padding', () => {
    const property = fc.property(anyDigest, (digest) => {
      const hex = digest.toString('hex');
      const base64 = digest.toString('base64');
      for (const text of [hex, hex.toUpperCase(), base64, base64.replace('=', ''), digest.toString('base64url')]) {
        expect(parseSha256(text)).toBe(hex);
      }
    });
    fc.assert(property);
  });

  it('is no other text', () => {
    const property = fc.property(
      fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[0-9a-f]{60,68}$/)),
      (text) => {
        fc.pre(text.length !== 64 && text.length !== 43 && text.length !== 44);
        expect(parseSha256(text)).toBeUndefined();
      },
    );
    fc.assert(property);
    // The last character would have bits that belong to no byte.
    for (const end of ['B', 'x', '9', '=', ' ']) expect(parseSha256('A'.repeat(42) + end)).toBeUndefined();
  });
});

it.each(['sha256', 'SHA256', 'SHA-256', 'sha_256'])('%s names SHA-256', (name) => expect(isSha256(name)).toBe(true));

it.each(['', 'sha1', 'sha512', 'sha512/256', 'hmac-sha256', 'sha256 ', 'bcrypt'])(
  '%j does not name SHA-256',
  (name) => {
    expect(isSha256(name)).toBe(false);
  },
);

it('an imported key has 16 to 256 characters', () => {
  const lengths = [0, 15, 16, 256, 257];
  expect(lengths.map((length) => hasImportedKeyLength('x'.repeat(length)))).toEqual([false, false, true, true, false]);
});
