import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Limit } from '../../domain/limits/limit.ts';
import { matchRule } from '../../domain/rules/match-rule.ts';
import type { Rule } from '../../domain/rules/rule.ts';
import { parseRules } from './parse-rules.ts';

const RULES = `
domain: shop
descriptors:
  - key: path
    value: /login
    rate_limit: {unit: minute, requests_per_unit: 3}
    descriptors:
      - key: remote_address
        rate_limit: {unit: Second, requests_per_unit: 1}
  - key: path
    rate_limit: {requests: 100, window: 30s}
  - key: status
    value: 404
    rate_limit: {name: lost, requests: 2, window: 1d, algorithm: calendar}
  - key: group
    descriptors:
      - key: user
        rate_limit: {unit: hour, requests_per_unit: 9}
`;

/** Finds the rule of RULES for a descriptor. */
function match(...entries: [string, string][]): Rule | undefined {
  return matchIn(RULES, ...entries);
}

function matchIn(rules: string, ...entries: [string, string][]): Rule | undefined {
  const parsed = parseRules('shop.yaml', rules);
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  const descriptor = entries.map(([key, value]) => ({ key, value }));
  return matchRule(new Map([[parsed.domain, parsed.root]]), 'shop', descriptor);
}

/** Parses the limits of one descriptor, in a file with `lines` before its descriptors. */
function parseLimits(fields: string, ...lines: string[]): readonly Limit[] | undefined {
  const rules = ['domain: shop', ...lines, 'descriptors:', `  - {key: k, ${fields}}`].join('\n');
  return matchIn(rules, ['k', 'v'])?.limits;
}

describe('a rules file', () => {
  it('matches the exact value before the key alone', () => {
    expect(match(['path', '/login'])).toMatchObject({ path: 'shop.path_/login', limits: [{ requests: 3 }] });
    expect(match(['path', '/other'])).toMatchObject({ path: 'shop.path', limits: [{ requests: 100 }] });
  });

  it('matches the exact value, then the first matching wildcard, then the key alone', () => {
    const descriptor = (value: string) => `  - {key: path, ${value}, rate_limit: {requests: 1, window: 1s}}\n`;
    const values = ['value: /a*', 'value: /api/*/action', 'value: "*"', 'value: /api/1/action', 'value: ""'];
    const rules = `domain: shop\ndescriptors:\n${values.map(descriptor).join('')}`;
    const matchedPath = (value: string) => matchIn(rules, ['path', value])?.path;
    expect(matchedPath('/api/1/action')).toBe('shop.path_/api/1/action');
    expect(matchedPath('/api/2/action')).toBe('shop.path_/a*');
    expect(matchedPath('/api/*/action')).toBe('shop.path_/api/*/action');
    expect(matchedPath('/other')).toBe('shop.path_*');
    expect(matchIn(rules.replace(descriptor('value: "*"'), ''), ['path', '/other'])?.path).toBe('shop.path');
  });

  it('follows the first matching wildcard, even if only a later one has the next level', () => {
    const rules = `
domain: shop
descriptors:
  - {key: path, value: /a*}
  - {key: path, value: /ab*, descriptors: [{key: user, rate_limit: {requests: 1, window: 1s}}]}
  - {key: path, descriptors: [{key: user, rate_limit: {requests: 2, window: 1s}}]}
`;
    expect(matchIn(rules, ['path', '/abc'], ['user', 'u'])).toBeUndefined();
    expect(matchIn(rules, ['path', '/b'], ['user', 'u'])?.path).toBe('shop.path.user');
  });

  it('matches nested descriptors at their full depth, and never backtracks', () => {
    expect(match(['path', '/login'], ['remote_address', '10.0.0.1'])?.path).toBe('shop.path_/login.remote_address');
    expect(match(['path', '/other'], ['remote_address', '10.0.0.1'])).toBeUndefined();
    expect(match(['group', 'a'])).toBeUndefined();
    expect(match(['group', 'a'], ['user', 'b'])?.path).toBe('shop.group.user');
  });

  it('accepts unit and requests_per_unit of envoyproxy/ratelimit, and requests and window', () => {
    expect(match(['path', '/login'], ['remote_address', 'x'])?.limits).toMatchObject([{ windowSeconds: 1 }]);
    expect(match(['path', 'x'])?.limits).toMatchObject([{ windowSeconds: 30, algorithm: 'sliding_window' }]);
    expect(match(['status', '404'])?.limits).toMatchObject([{ name: 'lost', algorithm: 'calendar' }]);
  });
});

describe('a descriptor', () => {
  const matchDescriptor = (fields: string, ...entries: [string, string][]) =>
    matchIn(`domain: shop\ndescriptors:\n  - {${fields}}`, ...entries);

  it('can be in shadow mode, replace other limits, and share its limit between the values of a wildcard', () => {
    const limit = 'rate_limit: {requests: 1, window: 1s, replaces: [{name: a}, {name: b}]}';
    expect(matchDescriptor(`key: k, shadow_mode: true, ${limit}`, ['k', 'v'])).toMatchObject({ isShadow: true });
    expect(matchDescriptor(`key: k, ${limit}`, ['k', 'v'])?.replaces).toEqual(['a', 'b']);
    const nested = `key: a, descriptors: [{key: k, value: v*, share_threshold: true, descriptors: [{key: b, ${limit}}]}]`;
    expect(matchDescriptor(nested, ['a', '1'], ['k', 'v2'], ['b', '3'])?.sharedValues).toEqual([
      undefined,
      'v*',
      undefined,
    ]);
  });

  it('can be in quota mode, have metadata and a candidate, and reject everything', () => {
    const fields = 'quota_mode: true, metadata: {a: [1, b, null], c: {d: true}}, candidate: {requests: 1, window: 1s}';
    const limit = 'rate_limit: {unit: day, requests_per_unit: 0}';
    expect(matchDescriptor(`key: k, ${fields}, ${limit}`, ['k', 'v'])).toMatchObject({
      isQuota: true,
      metadata: { a: [1, 'b', null], c: { d: true } },
      candidate: { name: 'candidate', identity: 'candidate/s1' },
      limits: [{ requests: 0 }],
    });
    const other = 'candidate: {name: tried, unit: hour, requests_per_unit: 3, algorithm: token_bucket}';
    expect(matchDescriptor(`key: k, ${other}, ${limit}`, ['k', 'v'])?.candidate).toMatchObject({
      identity: 'tried/t3600',
    });
  });

  it.each([
    ['key: a, descriptors: [{key: b, LIMIT}]', undefined],
    ['key: a, value_to_metric: true, descriptors: [{key: b, LIMIT}]', [undefined, 'b']],
    ['key: a, value_to_metric: true, value: x*, descriptors: [{key: b, LIMIT}]', [undefined, 'b']],
    ['key: a, value_to_metric: true, share_threshold: true, value: x*, descriptors: [{key: b, LIMIT}]', undefined],
    ['key: a, value_to_metric: true, value: x1, descriptors: [{key: b, LIMIT}]', undefined],
    ['key: a, value: x*, descriptors: [{key: b, detailed_metric: true, LIMIT}]', [undefined, undefined]],
    [
      'key: a, value: x*, share_threshold: true, descriptors: [{key: b, detailed_metric: true, LIMIT}]',
      ['a_x*', undefined],
    ],
  ])('has the name in metrics that envoyproxy/ratelimit gives it: %s', (template, metricParts) => {
    const fields = template.replace('LIMIT', 'rate_limit: {requests: 1, window: 1s}');
    expect(matchDescriptor(fields, ['a', 'x1'], ['b', 'y'])?.metricParts).toEqual(metricParts);
  });

  it('can set all of its flags to false', () => {
    const off =
      'shadow_mode: false, share_threshold: false, quota_mode: false, detailed_metric: false, value_to_metric: false';
    expect(matchDescriptor(`key: k, ${off}, rate_limit: {requests: 1, window: 1s}`, ['k', 'v'])).toEqual({
      path: 'shop.k',
      limits: [expect.objectContaining({ requests: 1 })],
    });
  });
});

describe('a limit of a descriptor', () => {
  it.each([
    ['second', '1s', 1],
    ['MINUTE', '1m', 60],
    ['hour', '1h', 3600],
    ['day', '1d', 86_400],
    ['week', '1w', 604_800],
    ['month', '30d', 2_592_000],
    ['year', '365d', 31_536_000],
  ])('with the unit %s is named %s and has a window of %d seconds', (unit, name, windowSeconds) => {
    expect(parseLimits(`rate_limit: {unit: ${unit}, requests_per_unit: 1}`)).toMatchObject([{ name, windowSeconds }]);
  });

  it('has months of the calendar with the unit month and the algorithm calendar', () => {
    const limits = parseLimits('rate_limit: {unit: month, requests_per_unit: 1, algorithm: calendar, anchor_day: 15}');
    expect(limits).toMatchObject([{ name: '1mo', unit: 'month', anchorDay: 15 }]);
  });

  it('can have a window of several units', () => {
    const limits = parseLimits('rate_limit: {unit: minute, unit_multiplier: 5, requests_per_unit: 9, name: five}');
    expect(limits).toMatchObject([{ name: 'five', requests: 9, windowSeconds: 300 }]);
  });

  it('has the default algorithm of the file unless it names one', () => {
    const list = 'limits: [{requests: 1, window: 1s}, {requests: 2, window: 1m, algorithm: sliding_window}]';
    const limits = parseLimits(list, 'defaults: {algorithm: fixed_window}');
    expect(limits).toMatchObject([{ algorithm: 'fixed_window' }, { algorithm: 'sliding_window' }]);
    expect(parseLimits('rate_limit: {unlimited: true}', 'defaults: {algorithm: fixed_window}')).toEqual([
      { name: 'unlimited', algorithm: 'unlimited' },
    ]);
  });

  it('charges rejected requests if it is a fixed window in a file with that default, unless it says false', () => {
    const list = `limits: [
      {unit: second, requests_per_unit: 1},
      {requests: 2, window: 1m, algorithm: fixed_window},
      {unit: hour, requests_per_unit: 3, charge_rejected: false},
      {requests: 4, window: 1d, algorithm: token_bucket},
      {requests: 5, window: 1d, algorithm: calendar, charge_rejected: true, name: owing}]`;
    const chargeRejected = (...lines: string[]) =>
      parseLimits(list, ...lines)?.map((limit) => 'chargeRejected' in limit && limit.chargeRejected);
    expect(chargeRejected('defaults: {algorithm: fixed_window}')).toEqual([true, true, false, false, true]);
    expect(chargeRejected('defaults: {algorithm: sliding_window}')).toEqual([false, false, false, false, true]);
    expect(chargeRejected()).toEqual([false, false, false, false, true]);
  });

  it('can be one of several, with any algorithm and any option', () => {
    const limits = parseLimits(`limits: [
      {requests: 1, window: 1s, lease: true, block_for: 5m, on_store_failure: deny, charge_rejected: true},
      {requests: 2, window: 1m, algorithm: fixed_window},
      {requests: 3, window: 1h, algorithm: token_bucket, burst: 9},
      {requests: 4, window: 1mo, algorithm: calendar, time_zone: Europe/Berlin, anchor_day: 31},
      {requests: 5, window: 90s, algorithm: concurrency, name: at-once},
      {algorithm: unlimited, name: whatever},
      {unlimited: false, requests: 6, window: 2d}]`);
    expect(limits).toEqual([
      {
        ...{ name: '1s', requests: 1, windowSeconds: 1, algorithm: 'sliding_window', identity: '1s/s1' },
        ...{ lease: true, blockForSeconds: 300, onStoreFailure: 'deny', chargeRejected: true },
      },
      { name: '1m', requests: 2, windowSeconds: 60, algorithm: 'fixed_window', identity: '1m/f60' },
      { name: '1h', requests: 3, windowSeconds: 3600, algorithm: 'token_bucket', burst: 9, identity: '1h/t3600' },
      {
        ...{ name: '1mo', requests: 4, windowSeconds: 2_592_000, algorithm: 'calendar', unit: 'month' },
        ...{ timeZone: 'Europe/Berlin', anchorDay: 31, identity: '1mo/c1mo@Europe/Berlin#31' },
      },
      { name: 'at-once', requests: 5, windowSeconds: 90, algorithm: 'concurrency', identity: 'at-once/n90' },
      { name: 'whatever', algorithm: 'unlimited' },
      { name: '2d', requests: 6, windowSeconds: 172_800, algorithm: 'sliding_window', identity: '2d/s172800' },
    ]);
  });

  it('keeps its name, and so its counters, if its window is written differently or other limits come before it', () => {
    const [minute] = parseLimits('rate_limit: {requests: 1, window: 60s}') ?? [];
    expect(parseLimits('limits: [{requests: 1, window: 2s}, {requests: 1, window: 1m}]')).toContainEqual(minute);
    expect(parseLimits('rate_limit: {requests_per_unit: 1, unit: minute}')).toEqual([minute]);
  });
});

// test/rules/broken-rules.test.ts holds the exact text of each fault.
describe('a broken rules file', () => {
  it('is rejected with every fault and its position', () => {
    const rules = 'domain: a\nmatch: longest\ndescriptors:\n  - {key: k, rate_limit: {requests: 0, window: 1s}}\n';
    expect(parseRules('f.yaml', rules)).toEqual([
      { file: 'f.yaml', line: 2, column: 8, description: 'match: must be most_specific, or left out (got "longest")' },
      {
        ...{ file: 'f.yaml', line: 4, column: 37 },
        description: 'rate_limit.requests: must be a whole number from 1 to 4294967295 (got 0)',
      },
    ]);
  });

  it('is rejected if it nests 10,000 levels', () => {
    let nested = '{key: k}';
    for (let level = 0; level < 10_000; level++) nested = `{key: k, descriptors: [${nested}]}`;
    const parsed = parseRules('f.yaml', `domain: a\ndescriptors:\n  - ${nested}\n`);
    expect(parsed).toEqual([expect.objectContaining({ file: 'f.yaml' })]);
  });

  it('never makes the parser throw, whatever its text', () => {
    const rules =
      'domain: a\ndefaults: {algorithm: calendar}\ndescriptors:\n  - {key: k, limits: [{unit: day, requests_per_unit: 1},' +
      ' {window: 1mo, requests: 5, time_zone: Europe/Berlin, anchor_day: 3, name: m}, {unlimited: true}]}\n';
    const scraps = fc.constantFrom(
      ...['{', '}', '[]', ': ', '\n', '- ', 'null', '-1', '1e99', '&a ', '*a', '!!map ', '<<', '"', '\0'],
    );
    const edit = fc.record({ at: fc.nat(rules.length), cut: fc.nat(12), put: fc.oneof(scraps, fc.string()) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
        let broken = rules;
        for (const { at, cut, put } of edits) broken = broken.slice(0, at) + put + broken.slice(at + cut);
        const parsed = parseRules('f.yaml', broken);
        if (!('root' in parsed)) expect(parsed.length).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    );
  });
});
