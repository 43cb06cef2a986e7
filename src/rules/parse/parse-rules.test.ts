import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Limit } from '../../domain/limits/limit.ts';
import { matchRule } from '../../domain/rules/match-rule.ts';
import type { Rule } from '../../domain/rules/rule.ts';
import type { RulesFault } from '../yaml/rules-fault.ts';
import { parseRules } from './parse-rules.ts';

const text = `
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

function match(...entries: [string, string][]): Rule | undefined {
  return matchIn(text, ...entries);
}

function matchIn(rules: string, ...entries: [string, string][]): Rule | undefined {
  const parsed = parseRules('shop.yaml', rules);
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  const list = entries.map(([key, value]) => ({ key, value }));
  return matchRule(new Map([[parsed.domain, parsed.root]]), 'shop', list);
}

/** The limits of one descriptor, in a file with these lines before its descriptors. */
function limitsOf(descriptor: string, ...lines: string[]): readonly Limit[] | undefined {
  const rules = ['domain: shop', ...lines, 'descriptors:', `  - {key: k, ${descriptor}}`].join('\n');
  return matchIn(rules, ['k', 'v'])?.limits;
}

describe('a rules file', () => {
  it('matches the exact value before the key alone', () => {
    expect(match(['path', '/login'])).toMatchObject({ path: 'shop.path_/login', limits: [{ requests: 3 }] });
    expect(match(['path', '/other'])).toMatchObject({ path: 'shop.path', limits: [{ requests: 100 }] });
  });

  it('matches the exact value before wildcards, the first of these that fits, and then the key alone', () => {
    const rule = (value: string) => `  - {key: path, ${value}, rate_limit: {requests: 1, window: 1s}}\n`;
    const values = ['value: /a*', 'value: /api/*/action', 'value: "*"', 'value: /api/1/action', 'value: ""'];
    const wild = `domain: shop\ndescriptors:\n${values.map(rule).join('')}`;
    const found = (value: string) => matchIn(wild, ['path', value])?.path;
    expect(found('/api/1/action')).toBe('shop.path_/api/1/action');
    expect(found('/api/2/action')).toBe('shop.path_/a*');
    expect(found('/api/*/action')).toBe('shop.path_/api/*/action');
    expect(found('/other')).toBe('shop.path_*');
    expect(matchIn(wild.replace(rule('value: "*"'), ''), ['path', '/other'])?.path).toBe('shop.path');
  });

  it('goes by the first wildcard that fits, even where only a later one has the next level', () => {
    const wild = `
domain: shop
descriptors:
  - {key: path, value: /a*}
  - {key: path, value: /ab*, descriptors: [{key: user, rate_limit: {requests: 1, window: 1s}}]}
  - {key: path, descriptors: [{key: user, rate_limit: {requests: 2, window: 1s}}]}
`;
    expect(matchIn(wild, ['path', '/abc'], ['user', 'u'])).toBeUndefined();
    expect(matchIn(wild, ['path', '/b'], ['user', 'u'])?.path).toBe('shop.path.user');
  });

  it('matches nested descriptors at their full depth, and never takes a way back', () => {
    expect(match(['path', '/login'], ['remote_address', '10.0.0.1'])?.path).toBe('shop.path_/login.remote_address');
    expect(match(['path', '/other'], ['remote_address', '10.0.0.1'])).toBeUndefined();
    expect(match(['group', 'a'])).toBeUndefined();
    expect(match(['group', 'a'], ['user', 'b'])?.path).toBe('shop.group.user');
  });

  it('reads unit and requests_per_unit as envoyproxy/ratelimit does, and our own requests and window', () => {
    expect(match(['path', '/login'], ['remote_address', 'x'])?.limits).toMatchObject([{ windowSeconds: 1 }]);
    expect(match(['path', 'x'])?.limits).toMatchObject([{ windowSeconds: 30, algorithm: 'sliding_window' }]);
    expect(match(['status', '404'])?.limits).toMatchObject([{ name: 'lost', algorithm: 'calendar' }]);
  });
});

describe('a descriptor', () => {
  const rule = (descriptor: string, ...entries: [string, string][]) =>
    matchIn(`domain: shop\ndescriptors:\n  - {${descriptor}}`, ...entries);

  it('may be a shadow, replace others, and share its limit among the values of a wildcard', () => {
    const limit = 'rate_limit: {requests: 1, window: 1s, replaces: [{name: a}, {name: b}]}';
    expect(rule(`key: k, shadow_mode: true, ${limit}`, ['k', 'v'])).toMatchObject({ isShadow: true });
    expect(rule(`key: k, ${limit}`, ['k', 'v'])?.replaces).toEqual(['a', 'b']);
    const nested = `key: a, descriptors: [{key: k, value: v*, share_threshold: true, descriptors: [{key: b, ${limit}}]}]`;
    expect(rule(nested, ['a', '1'], ['k', 'v2'], ['b', '3'])?.sharedValues).toEqual([undefined, 'v*', undefined]);
  });

  it('may be in quota mode, have metadata and a candidate, and refuse everything', () => {
    const fields = 'quota_mode: true, metadata: {a: [1, b, null], c: {d: true}}, candidate: {requests: 1, window: 1s}';
    const limit = 'rate_limit: {unit: day, requests_per_unit: 0}';
    expect(rule(`key: k, ${fields}, ${limit}`, ['k', 'v'])).toMatchObject({
      isQuota: true,
      metadata: { a: [1, 'b', null], c: { d: true } },
      candidate: { name: 'candidate', identity: 'candidate/s1' },
      limits: [{ requests: 0 }],
    });
    const other = 'candidate: {name: tried, unit: hour, requests_per_unit: 3, algorithm: token_bucket}';
    expect(rule(`key: k, ${other}, ${limit}`, ['k', 'v'])?.candidate).toMatchObject({ identity: 'tried/t3600' });
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
  ])('is named to metrics with values as envoyproxy/ratelimit names it: %s', (written, metricParts) => {
    const found = rule(written.replace('LIMIT', 'rate_limit: {requests: 1, window: 1s}'), ['a', 'x1'], ['b', 'y']);
    expect(found?.metricParts).toEqual(metricParts);
  });

  it('may say that it does nothing of that', () => {
    const off =
      'shadow_mode: false, share_threshold: false, quota_mode: false, detailed_metric: false, value_to_metric: false';
    expect(rule(`key: k, ${off}, rate_limit: {requests: 1, window: 1s}`, ['k', 'v'])).toEqual({
      path: 'shop.k',
      limits: [expect.objectContaining({ requests: 1 })],
    });
  });
});

describe('the limits of a descriptor', () => {
  it.each([
    ['second', '1s', 1],
    ['MINUTE', '1m', 60],
    ['hour', '1h', 3600],
    ['day', '1d', 86_400],
    ['week', '1w', 604_800],
    ['month', '30d', 2_592_000],
    ['year', '365d', 31_536_000],
  ])('of a unit %s are named %s and count %d seconds, whatever the month', (unit, name, windowSeconds) => {
    expect(limitsOf(`rate_limit: {unit: ${unit}, requests_per_unit: 1}`)).toMatchObject([{ name, windowSeconds }]);
  });

  it('have the months of the calendar where they count by it', () => {
    const limits = limitsOf('rate_limit: {unit: month, requests_per_unit: 1, algorithm: calendar, anchor_day: 15}');
    expect(limits).toMatchObject([{ name: '1mo', unit: 'month', anchorDay: 15 }]);
  });

  it('may be of many units', () => {
    const limits = limitsOf('rate_limit: {unit: minute, unit_multiplier: 5, requests_per_unit: 9, name: five}');
    expect(limits).toMatchObject([{ name: 'five', requests: 9, windowSeconds: 300 }]);
  });

  it('have the algorithm of the file unless they name one', () => {
    const list = 'limits: [{requests: 1, window: 1s}, {requests: 2, window: 1m, algorithm: sliding_window}]';
    const limits = limitsOf(list, 'defaults: {algorithm: fixed_window}');
    expect(limits).toMatchObject([{ algorithm: 'fixed_window' }, { algorithm: 'sliding_window' }]);
    expect(limitsOf('rate_limit: {unlimited: true}', 'defaults: {algorithm: fixed_window}')).toEqual([
      { name: 'unlimited', algorithm: 'unlimited' },
    ]);
  });

  it('may be several, of every algorithm with every option', () => {
    const limits = limitsOf(`limits: [
      {requests: 1, window: 1s, lease: true, block_for: 5m, on_store_failure: deny},
      {requests: 2, window: 1m, algorithm: fixed_window},
      {requests: 3, window: 1h, algorithm: token_bucket, burst: 9},
      {requests: 4, window: 1mo, algorithm: calendar, time_zone: Europe/Berlin, anchor_day: 31},
      {requests: 5, window: 90s, algorithm: concurrency, name: at-once},
      {algorithm: unlimited, name: whatever},
      {unlimited: false, requests: 6, window: 2d}]`);
    expect(limits).toEqual([
      {
        ...{ name: '1s', requests: 1, windowSeconds: 1, algorithm: 'sliding_window', identity: '1s/s1' },
        ...{ lease: true, blockForSeconds: 300, onStoreFailure: 'deny' },
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

  it('keep their name, and so what was used, when their window is spelled otherwise or others stand before them', () => {
    const [minute] = limitsOf('rate_limit: {requests: 1, window: 60s}') ?? [];
    expect(limitsOf('limits: [{requests: 1, window: 2s}, {requests: 1, window: 1m}]')).toContainEqual(minute);
    expect(limitsOf('rate_limit: {requests_per_unit: 1, unit: minute}')).toEqual([minute]);
  });
});

describe('a broken rules file is refused with the location of its fault', () => {
  const one = (body: string) => `domain: a\ndescriptors:\n  - ${body}\n`;
  it.each([
    [
      'an unknown unit',
      one('{key: k, rate_limit: {unit: fortnight, requests_per_unit: 1}}'),
      '3:33',
      'rate_limit.unit',
    ],
    ['zero requests', one('{key: k, rate_limit: {requests: 0, window: 1s}}'), '3:37', 'rate_limit.requests'],
    ['negative requests', one('{key: k, rate_limit: {requests: -1, window: 1s}}'), '3:37', 'rate_limit.requests'],
    ['text for requests', one('{key: k, rate_limit: {requests: many, window: 1s}}'), '3:37', 'rate_limit.requests'],
    ['a wrong window', one('{key: k, rate_limit: {requests: 1, window: soon}}'), '3:48', 'rate_limit.window'],
    [
      'an option of another algorithm',
      one('{key: k, rate_limit: {requests: 1, window: 1s, burst: 3}}'),
      '3:59',
      'rate_limit.burst: must be left out',
    ],
    ['no window', one('{key: k, rate_limit: {requests: 1}}'), '3:26', 'rate_limit.window'],
    [
      'a text for lease',
      one('{key: k, rate_limit: {requests: 1, window: 1s, lease: yes}}'),
      '3:59',
      'rate_limit.lease',
    ],
    [
      'a list for a time zone',
      one('{key: k, rate_limit: {requests: 1, window: 1d, algorithm: calendar, time_zone: [a]}}'),
      '3:84',
      'time_zone: must be a text',
    ],
    [
      'a map for burst',
      one('{key: k, rate_limit: {requests: 1, window: 1s, algorithm: token_bucket, burst: {}}}'),
      '3:84',
      'rate_limit.burst',
    ],
    [
      'half a multiplier',
      one('{key: k, rate_limit: {unit: day, unit_multiplier: 0.5, requests_per_unit: 1}}'),
      '3:55',
      'unit_multiplier',
    ],
    [
      'eleven years',
      one('{key: k, rate_limit: {unit: year, unit_multiplier: 11, requests_per_unit: 1}}'),
      '3:56',
      'unit_multiplier: must be a whole number from 1 to 10',
    ],
    [
      'two years of the calendar',
      one('{key: k, rate_limit: {unit: year, unit_multiplier: 2, requests_per_unit: 1, algorithm: calendar}}'),
      '3:33',
      'rate_limit.unit: must be 1h',
    ],
    [
      'a unit and a window',
      one('{key: k, rate_limit: {unit: day, requests_per_unit: 1, window: 1s}}'),
      '3:60',
      'window: not supported here',
    ],
    [
      'unlimited requests',
      one('{key: k, rate_limit: {unlimited: true, requests: 5}}'),
      '3:44',
      'requests: not supported here',
    ],
    [
      'an empty unlimited',
      one('{key: k, rate_limit: {requests: 1, window: 1s, unlimited: }}'),
      '3:63',
      'rate_limit.unlimited',
    ],
    ['perhaps unlimited', one('{key: k, rate_limit: {unlimited: perhaps}}'), '3:38', 'rate_limit.unlimited'],
    [
      'limits beside a rate_limit',
      one('{key: k, rate_limit: {requests: 1, window: 1s}, limits: [{requests: 1, window: 1m}]}'),
      '3:61',
      'limits: must not stand beside',
    ],
    ['limits that are no list', one('{key: k, limits: {requests: 1}}'), '3:22', 'limits: must be a list'],
    ['no limits in a list', one('{key: k, limits: []}'), '3:22', 'limits: must be a list of 1'],
    ['a list of numbers', one('{key: k, limits: [5]}'), '3:23', 'limits[0]: must be a map'],
    [
      'a wrong limit of a list',
      one('{key: k, limits: [{requests: 1, window: 1s}, {requests: 0, window: 1m}]}'),
      '3:61',
      'limits[1].requests',
    ],
    [
      'two limits of one name',
      one('{key: k, limits: [{requests: 1, window: 1m}, {requests: 2, window: 60s}]}'),
      '3:50',
      'limits[1].name: must be unique',
    ],
    [
      'an unknown default',
      'domain: a\ndefaults: {algorithm: leaky}',
      '2:23',
      'defaults.algorithm: must be one of sliding_window',
    ],
    ['unlimited by default', 'domain: a\ndefaults: {algorithm: unlimited}', '2:23', 'defaults.algorithm'],
    [
      'a default of another field',
      'domain: a\ndefaults: {algorithm: fixed_window, burst: 5}',
      '2:37',
      'burst: not supported here',
    ],
    ['defaults that are no map', 'domain: a\ndefaults: fixed_window', '2:11', 'defaults: must be a map'],
    ['a limit that is no map', one('{key: k, rate_limit: 5}'), '3:26', 'rate_limit'],
    ['no key', one('{value: v}'), '3:5', 'key'],
    ['a descriptor that is no map', one('text'), '3:5', 'descriptors'],
    ['a descriptor twice', one('{key: k}\n  - {key: k}'), '4:5', 'a.k is there twice'],
    ['an unknown field', one('{key: k, shade: true}'), '3:14', 'shade: not supported here'],
    ['perhaps a shadow', one('{key: k, shadow_mode: perhaps}'), '3:27', 'shadow_mode: must be true or false'],
    [
      'a shared limit of one value',
      one('{key: k, value: v, share_threshold: true}'),
      '3:41',
      'share_threshold: must stand',
    ],
    [
      'replaces that are no list',
      one('{key: k, rate_limit: {requests: 1, window: 1s, replaces: a}}'),
      '3:62',
      'rate_limit.replaces: must be a list',
    ],
    [
      'a replaced text',
      one('{key: k, rate_limit: {requests: 1, window: 1s, replaces: [a]}}'),
      '3:63',
      'rate_limit.replaces[0]: must be a map',
    ],
    [
      'a replaced nobody',
      one('{key: k, rate_limit: {requests: 1, window: 1s, replaces: [{name: ""}]}}'),
      '3:70',
      'rate_limit.replaces[0].name: must be the name',
    ],
    [
      'a limit that replaces itself',
      one('{key: k, rate_limit: {requests: 1, window: 1s, name: me, replaces: [{name: me}]}}'),
      '3:80',
      'must not be the name of the limit itself',
    ],
    [
      'a limit that replaces those without a name',
      one('{key: k, rate_limit: {requests: 1, window: 1s, replaces: [{name: 1m}]}}'),
      '3:70',
      'is a window',
    ],
    ['a wildcard for a key', one('{key: "k*"}'), '3:11', 'key: must have no "*"'],
    ['a wildcard twice', one('{key: k, value: "a*"}\n  - {key: k, value: "a*"}'), '4:5', 'a.k_a* is there twice'],
    ['no domain', 'descriptors: []', '1:1', 'domain'],
    ['an empty file', '', '1:1', 'must be a map'],
    ['a list', '[1]', '1:1', 'must be a map'],
    ['no YAML', 'a: [', '1:5', ''],
    ['a key twice', 'domain: a\ndomain: b', '2:1', 'unique'],
  ])('%s', (_, broken, location, description) => {
    const faults = parseRules('f.yaml', broken) as readonly RulesFault[];
    expect(faults.map(({ line, column }) => `${line}:${column}`)).toEqual([location]);
    expect(faults[0]?.description).toContain(description);
  });

  it('nesting without end', () => {
    let deep = '{key: k}';
    for (let level = 0; level < 10_000; level++) deep = `{key: k, descriptors: [${deep}]}`;
    const faults = parseRules('f.yaml', one(deep)) as readonly RulesFault[];
    expect(faults.length).toBeGreaterThan(0);
  });

  it('any text, with faults or without, and never by an error', () => {
    const limits =
      'domain: a\ndefaults: {algorithm: calendar}\ndescriptors:\n  - {key: k, limits: [{unit: day, requests_per_unit: 1},' +
      ' {window: 1mo, requests: 5, time_zone: Europe/Berlin, anchor_day: 3, name: m}, {unlimited: true}]}\n';
    const scraps = fc.constantFrom(
      '{',
      '}',
      '[]',
      ': ',
      '\n',
      '- ',
      'null',
      '-1',
      '1e99',
      '&a ',
      '*a',
      '!!map ',
      '<<',
      '"',
      '\0',
    );
    const change = fc.record({ at: fc.nat(limits.length), cut: fc.nat(12), put: fc.oneof(scraps, fc.string()) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        let broken = limits;
        for (const { at, cut, put } of changes) broken = broken.slice(0, at) + put + broken.slice(at + cut);
        const parsed = parseRules('f.yaml', broken);
        if (!('root' in parsed)) expect(parsed.length).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    );
  });
});
