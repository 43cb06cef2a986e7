import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apiKeyHint, formatApiKey, isApiKey } from './api-key.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const someKey = () => formatApiKey(randomBytes(64)) ?? expect.fail('64 bytes were too few');

test('a key is wk_live_, 22 random characters and 6 of checksum', () => {
  expect(someKey()).toMatch(/^wk_live_[0-9A-Za-z]{28}$/);
});

test('the checksum is the CRC32 of all before it, in base62', () => {
  const key = someKey();
  const value = [...key.slice(-6)].reduce((sum, character) => sum * 62 + ALPHABET.indexOf(character), 0);
  expect(value).toBe(crc32(key.slice(0, -6)));
});

test('the key depends on the bytes alone, and bytes that would favour characters are passed over', () => {
  const fair = Uint8Array.from({ length: 22 }, (_, index) => index * 11);
  const withUnfair = Uint8Array.from([248, 255, ...fair]);
  expect(formatApiKey(withUnfair)).toBe(formatApiKey(fair));
});

test('each character comes equally often from all bytes', () => {
  const counts = new Map<string, number>();
  for (let byte = 0; byte < 256; byte += 1) {
    const first = formatApiKey(new Uint8Array(22).fill(byte))?.[8];
    if (first !== undefined) counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  expect(counts.size).toBe(62);
  expect(new Set(counts.values())).toEqual(new Set([4]));
});

test('too few bytes give no key', () => {
  expect(formatApiKey(randomBytes(21))).toBeUndefined();
  expect(formatApiKey(new Uint8Array(64).fill(255))).toBeUndefined();
});

test('a made key is well-formed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (bytes) => {
      const key = formatApiKey(bytes);
      return key === undefined || isApiKey(key);
    }),
  );
});

test('one changed character makes a key ill-formed', () => {
  const key = someKey();
  fc.assert(
    fc.property(fc.nat(key.length - 1), fc.constantFrom(...ALPHABET), (at, character) => {
      fc.pre(key[at] !== character);
      return !isApiKey(key.slice(0, at) + character + key.slice(at + 1));
    }),
  );
});

test.each([
  ['nothing', ''],
  ['the prefix alone', 'wk_live_'],
  ['another prefix', 'sk_live_0000000000000000000000000000'],
  ['a character too many', `${someKey()}0`],
  ['a line end', `${someKey().slice(0, -1)}\n`],
  ['a character outside base62', `wk_live_${'é'.repeat(28)}`],
])('%s is not well-formed', (_, text) => {
  expect(isApiKey(text)).toBe(false);
});

test('no text makes the check throw', () => {
  fc.assert(fc.property(fc.string(), (text) => typeof isApiKey(text) === 'boolean'));
});

test('a hint shows the prefix and the last four characters only', () => {
  const key = someKey();
  expect(apiKeyHint(key)).toBe(`wk_live_…${key.slice(-4)}`);
});
