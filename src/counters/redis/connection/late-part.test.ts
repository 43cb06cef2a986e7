import { expect, it } from 'vitest';
import { findLatePart } from './late-part.ts';

const EXPIRES_AT = 1000;

it.each([
  ['in this process if it noticed the deadline late', 30, 990, 'node'],
  ['on the way to the server, or there, if it was executed after the deadline', 1, 1004, 'request'],
  ['on the way back if it was executed before the deadline', 1, 990, 'reply'],
])('a call was late %s', (_, noticedAfterMs, executedAt, expected) => {
  expect(findLatePart({ noticedAfterMs, expiresAt: EXPIRES_AT, executedAt })).toBe(expected);
});
