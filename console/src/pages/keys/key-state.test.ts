import { expect, it } from 'vitest';
import { readKeyState } from './key-state.ts';

const NOW = Date.parse('2030-01-31T00:00:00Z');

it('says why a key cannot be used, the most final reason first', () => {
  const expireTime = '2030-01-30T00:00:00Z';
  const texts = [
    readKeyState({ deleteTime: expireTime, disabled: true }, NOW),
    readKeyState({ disabled: true, expireTime }, NOW),
    readKeyState({ expireTime, successor: 'apiKeys/b' }, NOW),
  ].map(({ text }) => text);
  expect(texts).toEqual(['deleted', 'disabled', 'expired']);
});

it('names a key active until the moment in which it expires, and rotated during its overlap', () => {
  const expireTime = new Date(NOW).toISOString();
  expect(readKeyState({ expireTime }, NOW - 1).text).toBe('active');
  expect(readKeyState({ expireTime }, NOW).text).toBe('expired');
  expect(readKeyState({ expireTime, successor: 'apiKeys/b' }, NOW - 1).text).toBe('rotated');
});
