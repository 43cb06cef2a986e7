import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CountedLimit } from './limit.ts';
import { parseLimitIdentity } from './limit-identity.ts';
import { formatLimit, LIMIT_FIELDS, toLimitSpec, type UntrustedLimitSpec } from './limit-spec.ts';
import { ALGORITHMS, parseLimit } from './parse-limit.ts';

const valid = { name: 'burst', requests: 5, window: '60s', algorithm: '' };

function parse(change: UntrustedLimitSpec): CountedLimit {
  const limit = parseLimit({ ...valid, ...change });
  if (!('identity' in limit)) throw new Error(JSON.stringify(limit));
  return limit;
}

/** Valid options by algorithm. */
const validOptions: Readonly<Record<string, fc.Arbitrary<UntrustedLimitSpec>>> = {
  sliding_window: fc.record({ lease: fc.boolean() }, { requiredKeys: [] }),
  fixed_window: fc.constant({}),
  token_bucket: fc.record({ burst: fc.integer({ min: 1, max: 28 }) }, { requiredKeys: [] }),
  calendar: fc.oneof(
    fc.record(
      { window: fc.constant('1mo'), anchorDay: fc.integer({ min: 1, max: 31 }), timeZone: zones() },
      { requiredKeys: ['window'] },
    ),
    fc.record(
      { window: fc.constantFrom('1h', '60m', '1d', '24h', '1w', '7d', '1mo', '1y'), timeZone: zones() },
      { requiredKeys: ['window'] },
    ),
  ),
  concurrency: fc.record({ window: fc.constantFrom('1s', '30s', '24h') }),
};

function zones() {
  return fc.constantFrom('', 'UTC', 'utc', 'Europe/Berlin', 'asia/kolkata', 'America/Argentina/ComodRivadavia');
}

/** Text without control characters, and often of the few characters that separate the parts of an identity. */
function limitNames() {
  const text = fc.string({ unit: fc.oneof(fc.constantFrom(...'a9_-./%|@# "\\ü😀'), fc.string({ unit: 'binary' })) });
  return text.map((name) => [...name.replaceAll(/[\p{Cc}\p{Cs}]/gu, '')].slice(0, 255).join('') || 'n');
}

const validSpecs = fc.constantFrom(...Object.keys(validOptions)).chain((algorithm) =>
  fc
    .tuple(
      fc.record(
        {
          name: limitNames(),
          requests: fc.integer({ min: 1, max: algorithm === 'token_bucket' ? 28 : 2 ** 32 - 1 }),
          window: fc
            .tuple(fc.integer({ min: 1, max: 500 }), fc.constantFrom('s', 'm', 'h', 'd', 'w'))
            .map(([count, unit]) => `${count}${unit}`),
          algorithm: fc.constantFrom(algorithm, ...(algorithm === 'sliding_window' ? [''] : [])),
          onStoreFailure: fc.constantFrom('local', 'allow', 'deny', ''),
          ...(algorithm === 'concurrency'
            ? {}
            : { blockFor: fc.constantFrom('1s', '5m', '3650d', ''), chargeRejected: fc.boolean() }),
        },
        { requiredKeys: ['name', 'requests', 'window', 'algorithm'] },
      ),
      validOptions[algorithm] ?? fc.constant({}),
    )
    .map(([common, options]): UntrustedLimitSpec => ({ ...common, ...options })),
);

describe('a limit', () => {
  it('is a sliding window by default', () => {
    expect(parse({})).toEqual({
      name: 'burst',
      algorithm: 'sliding_window',
      requests: 5,
      windowSeconds: 60,
      identity: 'burst/s60',
    });
  });

  it('of any algorithm with any options can be written and parsed again', () => {
    fc.assert(
      fc.property(validSpecs, (spec) => {
        const limit = parse(spec);
        const written = toLimitSpec(limit);
        expect(parseLimit(written)).toEqual(limit);
        expect(parseLimit(JSON.parse(JSON.stringify(written)))).toEqual(limit);
        expect(limit.identity).toMatch(/^[\w.!~*'()%-]+\/[sftcn][\x21-\x7b\x7d\x7e]+$/);
        const { requests, blockForSeconds } = limit;
        const burst = limit.algorithm === 'token_bucket' ? limit.burst : undefined;
        const rebuilt = parseLimitIdentity(limit.identity, { requests, burst, blockForSeconds });
        expect(rebuilt).toMatchObject({
          name: limit.name,
          identity: limit.identity,
          ...(limit.algorithm !== 'credits' && { windowSeconds: limit.windowSeconds }),
        });
      }),
      { numRuns: 1000 },
    );
  });

  it('has an identity that contains names of a-z, 0-9, "-" and "_" as they are', () => {
    const name = fc.stringMatching(/^[a-z0-9_-]{1,63}$/);
    fc.assert(
      fc.property(name, (name) => {
        expect(parse({ name }).identity).toBe(`${name}/s60`);
      }),
    );
    expect(parse({ name: 'freeTier' }).identity).toBe('freeTier/s60');
    expect(parse({ name: 'billing.default' }).identity).toBe('billing.default/s60');
    expect(parse({ name: 'per user/limit' }).identity).toBe('per%20user%2Flimit/s60');
  });

  it('never has the identity of a limit with another name', () => {
    fc.assert(
      fc.property(validSpecs, limitNames(), limitNames(), (spec, one, other) => {
        const areSame = parse({ ...spec, name: one }).identity === parse({ ...spec, name: other }).identity;
        expect(areSame).toBe(one === other);
      }),
    );
  });

  it.each(['', 'a\nb', 'a\0', '\x7f', '\x85', '\ud800', 'x'.repeat(256)])('cannot be named %j', (name) => {
    expect(parseLimit({ ...valid, name })).toMatchObject({ faults: [{ field: 'name' }] });
  });

  it('is written on one line with its name in quotes where YAML needs them', () => {
    expect(formatLimit(parse({ name: 'freeTier' }))).toMatch(/^\{name: freeTier, requests: 5, window: 60s, /);
    expect(formatLimit(parse({ name: 'a, "b": {' }))).toMatch(/^\{name: "a, \\"b\\": \{", requests: 5, /);
  });

  it('is either parsed or rejected with the names of its fields, whatever the input', () => {
    const fields = Object.keys(LIMIT_FIELDS);
    const anything = fc.record(Object.fromEntries(Object.values(LIMIT_FIELDS).map((field) => [field, fc.anything()])), {
      requiredKeys: [],
    });
    const nearlyValid = fc
      .tuple(validSpecs, fc.constantFrom(...Object.values(LIMIT_FIELDS)), fc.oneof(fc.anything(), fc.string()))
      .map(([spec, field, value]) => ({ ...spec, [field]: value }));
    fc.assert(
      fc.property(fc.oneof(anything, nearlyValid), (input) => {
        const limit = parseLimit(input as UntrustedLimitSpec); // every field is unknown in both
        if (!('faults' in limit)) expect(parseLimit(toLimitSpec(limit))).toEqual(limit);
        else expect(limit.faults.map(({ field }) => fields.includes(field))).not.toContain(false);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [{ algorithm: 'calendar', window: '24h' }, '86400s'],
    [{ algorithm: 'calendar', window: '1mo' }, '1mo'],
    [{ algorithm: 'calendar', window: '1y' }, '1y'],
    [{ window: '5m' }, '300s'],
  ])('%j is written with the window %s', (change, window) => expect(toLimitSpec(parse(change)).window).toBe(window));

  it('that is unlimited must have neither requests nor window', () => {
    expect(parseLimit({ name: 'all', algorithm: 'unlimited' })).toEqual({ name: 'all', algorithm: 'unlimited' });
    expect(parseLimit({ ...valid, algorithm: 'unlimited', burst: 3 })).toMatchObject({
      faults: [{ field: 'requests' }, { field: 'window' }, { field: 'burst' }],
    });
  });

  it('that is a token bucket has its requests as the default burst', () => {
    expect(parse({ algorithm: 'token_bucket' })).toMatchObject({ burst: 5 });
    expect(parse({ algorithm: 'token_bucket', burst: 3 })).toMatchObject({ requests: 5, burst: 3 });
  });

  it('that is a token bucket cannot have a larger burst than can be counted exactly', () => {
    const maxBurst = Math.floor(Number.MAX_SAFE_INTEGER / 86_400_000_000);
    const day = { algorithm: 'token_bucket', window: '1d' };
    expect(parse({ ...day, burst: maxBurst })).toMatchObject({ burst: maxBurst });
    for (const change of [{ burst: maxBurst + 1 }, { requests: maxBurst + 1 }]) {
      expect(parseLimit({ ...valid, ...day, ...change })).toMatchObject({ faults: [{ field: 'burst' }] });
    }
  });
});

describe('the identity of a limit', () => {
  it.each([
    [{}, 'burst/s60'],
    [{ algorithm: 'fixed_window' }, 'burst/f60'],
    [{ algorithm: 'token_bucket' }, 'burst/t60'],
    [{ algorithm: 'concurrency' }, 'burst/n60'],
    [{ algorithm: 'calendar', window: '1h' }, 'burst/c1h'],
    [{ algorithm: 'calendar', window: '86400s', timeZone: 'UTC' }, 'burst/c1d'],
    [{ algorithm: 'calendar', window: '7d' }, 'burst/c1w'],
    [{ algorithm: 'calendar', window: '1mo', anchorDay: 1 }, 'burst/c1mo'],
    [{ algorithm: 'calendar', window: '1mo', anchorDay: 31, timeZone: 'europe/berlin' }, 'burst/c1mo@Europe/Berlin#31'],
    [{ algorithm: 'calendar', window: '1y' }, 'burst/c1y'],
  ])('%j is %s', (change, identity) => expect(parse(change).identity).toBe(identity));

  it('does not depend on requests, burst and options, so that a changed limit keeps its counters', () => {
    const bucket = { algorithm: 'token_bucket' };
    expect(
      parse({ requests: 9, blockFor: '5s', onStoreFailure: 'deny', lease: true, chargeRejected: true }).identity,
    ).toBe('burst/s60');
    expect(parse({ ...bucket, burst: 7, requests: 9 }).identity).toBe(parse(bucket).identity);
  });
});

describe('an invalid limit is rejected with the name of the field', () => {
  it.each<[string, UntrustedLimitSpec]>([
    ['name', { name: '' }],
    ['name', { name: 5 }],
    ['name', { name: 'x'.repeat(256) }],
    ['requests', { requests: 0 }],
    ['requests', { requests: -1 }],
    ['requests', { requests: 1.5 }],
    ['requests', { requests: Number.NaN }],
    ['requests', { requests: 2 ** 32 }],
    ['requests', { requests: '5' }],
    ['window', { window: '' }],
    ['window', { window: '5 minutes' }],
    ['window', { window: '1mo' }],
    ['window', { window: '1y', algorithm: 'fixed_window' }],
    ['window', { window: '2mo', algorithm: 'calendar' }],
    ['window', { window: '2h', algorithm: 'calendar' }],
    ['window', { window: '30d', algorithm: 'calendar' }],
    ['window', { window: '2d', algorithm: 'concurrency' }],
    ['algorithm', { algorithm: 'leaky_bucket' }],
    ['algorithm', { algorithm: 'constructor' }],
    ['burst', { burst: 5 }],
    ['burst', { algorithm: 'token_bucket', burst: 0 }],
    ['burst', { algorithm: 'token_bucket', burst: 2 ** 32 }],
    ['block_for', { blockFor: '5' }],
    ['block_for', { blockFor: '1mo' }],
    ['block_for', { algorithm: 'concurrency', blockFor: '5s' }],
    ['lease', { lease: 'yes' }],
    ['lease', { algorithm: 'fixed_window', lease: true }],
    ['on_store_failure', { onStoreFailure: 'open' }],
    ['time_zone', { timeZone: 'UTC' }],
    ['time_zone', { algorithm: 'calendar', window: '1d', timeZone: 'Mars/Phobos' }],
    ['time_zone', { algorithm: 'calendar', window: '1d', timeZone: '+01:00' }],
    ['anchor_day', { anchorDay: 3 }],
    ['anchor_day', { algorithm: 'calendar', window: '1mo', anchorDay: 32 }],
    ['anchor_day', { algorithm: 'calendar', window: '1mo', anchorDay: 0 }],
    ['anchor_day', { algorithm: 'calendar', window: '1d', anchorDay: 3 }],
  ])('%s: %j', (field, change) => {
    const result = parseLimit({ ...valid, ...change });
    expect(result).toMatchObject({ faults: [{ field }] });
    expect('faults' in result && result.faults.length).toBe(1);
  });

  it('for all invalid fields at once', () => {
    const result = parseLimit({ name: '', requests: 0, window: 'x', algorithm: 'y', blockFor: 'z' });
    const fields = 'faults' in result ? result.faults.map(({ field }) => field) : [];
    expect(fields).toEqual(['name', 'requests', 'window', 'algorithm', 'block_for']);
  });

  it('with the value that was found, and the algorithms to choose from', () => {
    expect(parseLimit({ ...valid, algorithm: 'leaky' })).toMatchObject({
      faults: [{ description: `must be one of ${ALGORITHMS.join(', ')} (got "leaky")` }],
    });
  });
});

describe('notify_at', () => {
  const parse = (notifyAt: unknown, fields: object = {}) =>
    parseLimit({ name: 'a', requests: 5, window: '1h', notifyAt, ...fields });

  it('is sorted, and left out where it is empty', () => {
    expect(parse([100, 80])).toMatchObject({ notifyAt: [80, 100] });
    for (const none of [undefined, []]) expect(parse(none)).not.toHaveProperty('notifyAt');
  });

  it('is written as it is read', () => {
    const limit = parse([80, 100], { algorithm: 'calendar' });
    if ('faults' in limit) throw new Error('the limit is invalid');
    expect(parseLimit(toLimitSpec(limit))).toEqual(limit);
    expect(formatLimit(limit)).toContain('notify_at: [80, 100]');
  });

  it.each([
    { notifyAt: 80 },
    { notifyAt: [0] },
    { notifyAt: [101] },
    { notifyAt: [1.5] },
    { notifyAt: [50, 50] },
    { notifyAt: ['80'] },
    { notifyAt: [1, 2, 3, 4, 5, 6] },
  ])('must be a list of 1 to 5 different whole numbers from 1 to 100: $notifyAt', ({ notifyAt }) => {
    expect(parse(notifyAt)).toEqual({ faults: [expect.objectContaining({ field: 'notify_at' })] });
  });

  it('must be left out for the algorithm unlimited', () => {
    const limit = parseLimit({ name: 'a', algorithm: 'unlimited', notifyAt: [80] });
    expect(limit).toEqual({ faults: [expect.objectContaining({ field: 'notify_at' })] });
  });
});
