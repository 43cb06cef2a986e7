import { expect, test } from 'vitest';
import { endAfter, newest, type ScheduledKey, signingAt } from './signing-schedule.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
const key = (id: string, made: number, begins: number | null = null): ScheduledKey => {
  return { id, createTime: at(made), activateTime: begins === null ? null : at(begins), expireTime: null };
};

test('a key that was made signs from its own time on, and the one before until then', () => {
  const keys = [key('old', 0), key('new', 10, 12)];
  expect(signingAt(keys, at(11))?.id).toBe('old');
  expect(signingAt(keys, at(12))?.id).toBe('new');
  expect(newest(keys)?.id).toBe('new');
});

test('no key signs where there is none, or none has begun', () => {
  expect(signingAt([], at(0))).toBeUndefined();
  expect(newest([])).toBeUndefined();
  expect(signingAt([key('new', 0, 5)], at(4))).toBeUndefined();
});

test('nodes that read two keys of one moment in different orders sign with the same', () => {
  const keys = [key('a', 0), key('b', 0)];
  expect(signingAt(keys, at(1))?.id).toBe(signingAt(keys.toReversed(), at(1))?.id);
});

test('a key is known until the last of its tokens has expired, and a little longer', () => {
  expect(endAfter(at(0), 15 * 60, { lastTokenExpireTime: null })).toEqual(at(20));
  expect(endAfter(at(0), 15 * 60, { lastTokenExpireTime: at(10) })).toEqual(at(20));
  expect(endAfter(at(0), 15 * 60, { lastTokenExpireTime: at(600) })).toEqual(at(605));
});
