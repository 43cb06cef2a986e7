import { expect, test } from 'vitest';
import { acceptedUntil, newestKey, type ScheduledKey, signingKeyAt } from './signing-schedule.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
const key = (id: string, created: number, activated: number | null = null): ScheduledKey => {
  return { id, createTime: at(created), activateTime: activated === null ? null : at(activated), expireTime: null };
};

test('a key signs from its activation, and its predecessor until then', () => {
  const keys = [key('old', 0), key('new', 10, 12)];
  expect(signingKeyAt(keys, at(11))?.id).toBe('old');
  expect(signingKeyAt(keys, at(12))?.id).toBe('new');
  expect(newestKey(keys)?.id).toBe('new');
});

test('no key signs if there are none, or none is active yet', () => {
  expect(signingKeyAt([], at(0))).toBeUndefined();
  expect(newestKey([])).toBeUndefined();
  expect(signingKeyAt([key('new', 0, 5)], at(4))).toBeUndefined();
});

test('nodes choose the same of two keys with equal times, in whatever order they read them', () => {
  const keys = [key('a', 0), key('b', 0)];
  expect(signingKeyAt(keys, at(1))?.id).toBe(signingKeyAt(keys.toReversed(), at(1))?.id);
});

test('a key is accepted until its last token has expired, and a little longer', () => {
  expect(acceptedUntil(at(0), 15 * 60, { lastTokenExpireTime: null })).toEqual(at(20));
  expect(acceptedUntil(at(0), 15 * 60, { lastTokenExpireTime: at(10) })).toEqual(at(20));
  expect(acceptedUntil(at(0), 15 * 60, { lastTokenExpireTime: at(600) })).toEqual(at(605));
});
