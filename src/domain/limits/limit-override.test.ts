import { expect, it } from 'vitest';
import type { Limit } from './limit.ts';
import { applyOverride } from './limit-override.ts';
import type { UntrustedLimitSpec } from './limit-spec.ts';
import { parseLimit } from './parse-limit.ts';

const HOUR = { requests: 7, windowSeconds: 3600 };
const MINUTE = { requests: 7, windowSeconds: 60 };
const MONTH = { requests: 7, windowSeconds: 30 * 86_400 };

function limitOf(written: UntrustedLimitSpec): Limit {
  const limit = parseLimit({ requests: 5, window: '1m', name: '1m', ...written });
  if ('faults' in limit) throw new Error(JSON.stringify(limit));
  return limit;
}

const calendar = limitOf({
  algorithm: 'calendar',
  window: '1mo',
  name: '1mo',
  timeZone: 'Europe/Berlin',
  anchorDay: 31,
});

it.each([
  ['the rule’s own window: its counter', {}, MINUTE, { name: '1m', identity: '1m/s60', requests: 7 }],
  ['another window: its name', {}, HOUR, { name: '1h', identity: '1h/s3600' }],
  ['a name that was given', { name: 'burst' }, HOUR, { name: 'burst', identity: 'burst/s3600' }],
  ['fixed windows', { algorithm: 'fixed_window' }, HOUR, { algorithm: 'fixed_window', identity: '1h/f3600' }],
  ['a bucket, which it fills', { algorithm: 'token_bucket', burst: 90 }, HOUR, { algorithm: 'token_bucket', burst: 7 }],
  [
    'its options',
    { lease: true, blockFor: '9s', onStoreFailure: 'deny' },
    HOUR,
    { lease: true, blockForSeconds: 9, onStoreFailure: 'deny' },
  ],
  ['slots, of which the number is taken', { algorithm: 'concurrency' }, HOUR, { requests: 7, windowSeconds: 60 }],
])('keeps of its rule %s', (_, written, override, expected) => {
  expect(applyOverride([limitOf(written)], override)).toMatchObject(expected);
});

it('counts by the calendar where that has such a unit, and slides where it has not', () => {
  const month = { algorithm: 'calendar', unit: 'month', timeZone: 'Europe/Berlin', anchorDay: 31, name: '1mo' };
  expect(applyOverride([calendar], MONTH)).toMatchObject({ ...month, requests: 7 });
  expect(applyOverride([calendar], HOUR)).toMatchObject({ algorithm: 'calendar', unit: 'hour', name: '1h' });
  expect(applyOverride([calendar], MINUTE)).toMatchObject({ algorithm: 'sliding_window', name: '1m' });
});

it('slides where it stands for no limit, and has the algorithm of the first of several', () => {
  for (const limits of [[], [limitOf({ algorithm: 'unlimited', requests: 0, window: '' })]]) {
    expect(applyOverride(limits, HOUR)).toMatchObject({ algorithm: 'sliding_window', identity: '1h/s3600' });
  }
  const fixed = limitOf({ algorithm: 'fixed_window', name: 'first', blockFor: '5s' });
  const made = applyOverride([fixed, calendar], MINUTE);
  expect(made).toMatchObject({ algorithm: 'fixed_window', identity: '1m/f60' });
  expect(made).not.toHaveProperty('blockForSeconds');
});

it('of nothing blocks everything, whatever the algorithm', () => {
  for (const algorithm of ['sliding_window', 'fixed_window', 'token_bucket', 'concurrency']) {
    expect(applyOverride([limitOf({ algorithm })], { ...MINUTE, requests: 0 })).toMatchObject({ requests: 0 });
  }
});
