import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apiKeyHint, formatApiKey, isApiKey } from './api-key.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const someKey = () => formatApiKey(randomBytes(64)) ?? expect.fail('64 random bytes were not enough for a key');

test('a key is wk_live_, 22 random characters and 6 characters of checksum', () => {
  expect(someKey()).toMatch(/^wk_live_[0-9A-Za-z]{28}$/);
});

test('the checksum is the CRC32 of everything before it, in base62', () => {
  const key = someKey();
  const value = [...key.slice(-6)].reduce((sum, character) => sum * 62 + ALPHABET.indexOf(character), 0);
  expect(value).toBe(crc32(key.slice(0, -6)));
});

test('the key depends on the bytes alone, and biased bytes are skipped', () => {
  const fair = Uint8Array.from({ length: 22 }, (_, index) => index * 11);
  const withUnfair = Uint8Array.from([248, 255, ...fair]);
  expect(formatApiKey(withUnfair)).toBe(formatApiKey(fair));
});

test('all bytes yield each character equally often', () => {
  const counts = new Map<string, number>();
  for (let byte = 0; byte < 256; byte += 1) {
    const first = formatApiKey(new Uint8Array(22).fill(byte))?.[8];
    if (first !== undefined) counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  expect(counts.size).toBe(62);
  expect(new Set(counts.values())).toEqual(new Set([4]));
});

test('too few unbiased bytes yield no key', () => {
  expect(formatApiKey(randomBytes(21))).toBeUndefined();
  expect(formatApiKey(new Uint8Array(64).fill(255))).toBeUndefined();
});

test('a formatted key is well-formed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (bytes) => {
      const key = formatApiKey(bytes);
      return key === undefined || isApiKey(key);
    }),
  );
});

test('a key with one changed character is not well-formed', () => {
  const key = someKey();
  fc.assert(
    fc.property(fc.nat(key.length - 1), fc.constantFrom(...ALPHABET), (position, character) => {
      fc.pre(key[position] !== character);
      return !isApiKey(key.slice(0, position) + character + key.slice(position + 1));
    }),
  );
});

test.each([
  ['an empty text', ''],
  ['the prefix alone', 'wk_live_'],
  ['another prefix', 'sk_live_0000000000000000000000000000'],
  ['a key with an extra character', `${someKey()}0`],
  ['a key with a line end', `${someKey().slice(0, -1)}\n`],
  ['a key with a character outside base62', `wk_live_${'é'.repeat(28)}`],
])('%s is not well-formed', (_, text) => {
  expect(isApiKey(text)).toBe(false);
});

test('the check never throws', () => {
  fc.assert(fc.property(fc.string(), (text) => typeof isApiKey(text) === 'boolean'));
});

test('a hint shows only the prefix and the last four characters', () => {
  const key = someKey();
  expect(apiKeyHint(key)).toBe(`wk_live_…${key.slice(-4)}`);
});
