import { expect, it } from 'vitest';
import type { Limit } from './limit.ts';
import { applyOverride } from './limit-override.ts';
import type { UntrustedLimitSpec } from './limit-spec.ts';
import { parseLimit } from './parse-limit.ts';

const HOUR = { requests: 7, windowSeconds: 3600 };
const MINUTE = { requests: 7, windowSeconds: 60 };
const MONTH = { requests: 7, windowSeconds: 30 * 86_400 };

function parse(spec: UntrustedLimitSpec): Limit {
  const limit = parseLimit({ requests: 5, window: '1m', name: '1m', ...spec });
  if ('faults' in limit) throw new Error(JSON.stringify(limit));
  return limit;
}

const calendar = parse({
  algorithm: 'calendar',
  window: '1mo',
  name: '1mo',
  timeZone: 'Europe/Berlin',
  anchorDay: 31,
});

it.each([
  ['its credits, whatever the window', { algorithm: 'credits', window: '' }, HOUR, { identity: '1m/b', requests: 7 }],
  ['its counter, given the rule’s own window', {}, MINUTE, { name: '1m', identity: '1m/s60', requests: 7 }],
  ['no default name, given another window', {}, HOUR, { name: '1h', identity: '1h/s3600' }],
  ['its explicit name', { name: 'burst' }, HOUR, { name: 'burst', identity: 'burst/s3600' }],
  ['its fixed windows', { algorithm: 'fixed_window' }, HOUR, { algorithm: 'fixed_window', identity: '1h/f3600' }],
  [
    'its token bucket, with the requests as burst',
    { algorithm: 'token_bucket', burst: 90 },
    HOUR,
    { algorithm: 'token_bucket', burst: 7 },
  ],
  [
    'its options',
    { lease: true, blockFor: '9s', onStoreFailure: 'deny', chargeRejected: true },
    HOUR,
    { lease: true, blockForSeconds: 9, onStoreFailure: 'deny', chargeRejected: true },
  ],
  [
    'everything but the number of slots, for concurrency',
    { algorithm: 'concurrency' },
    HOUR,
    { requests: 7, windowSeconds: 60 },
  ],
])('keeps of its rule: %s', (_, spec, override, expected) => {
  expect(applyOverride([parse(spec)], override)).toMatchObject(expected);
});

it('counts by the calendar if it has a unit of that length, and slides otherwise', () => {
  const month = { algorithm: 'calendar', unit: 'month', timeZone: 'Europe/Berlin', anchorDay: 31, name: '1mo' };
  expect(applyOverride([calendar], MONTH)).toMatchObject({ ...month, requests: 7 });
  expect(applyOverride([calendar], HOUR)).toMatchObject({ algorithm: 'calendar', unit: 'hour', name: '1h' });
  expect(applyOverride([calendar], MINUTE)).toMatchObject({ algorithm: 'sliding_window', name: '1m' });
});

it('slides if the rule has no limit, and takes algorithm and charge_rejected of the first of several limits', () => {
  for (const limits of [[], [parse({ algorithm: 'unlimited', requests: 0, window: '' })]]) {
    expect(applyOverride(limits, HOUR)).toMatchObject({ algorithm: 'sliding_window', identity: '1h/s3600' });
  }
  const fixed = parse({ algorithm: 'fixed_window', name: 'first', blockFor: '5s' });
  const override = applyOverride([fixed, calendar], MINUTE);
  expect(override).toMatchObject({ algorithm: 'fixed_window', identity: '1m/f60' });
  expect(override).not.toHaveProperty('blockForSeconds');
  expect(override).not.toHaveProperty('chargeRejected');
  const owing = parse({ algorithm: 'fixed_window', name: 'first', chargeRejected: true });
  expect(applyOverride([owing, calendar], MINUTE)).toMatchObject({ algorithm: 'fixed_window', chargeRejected: true });
});

it('with 0 requests is accepted for every algorithm', () => {
  for (const algorithm of ['sliding_window', 'fixed_window', 'token_bucket', 'concurrency']) {
    expect(applyOverride([parse({ algorithm })], { ...MINUTE, requests: 0 })).toMatchObject({ requests: 0 });
  }
});
