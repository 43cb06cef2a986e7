import { describe, expect, it } from 'vitest';
import { matchRule, type Rule } from '../core/rules.ts';
import { parseRules, type RulesFault } from './parse.ts';

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
  const parsed = parseRules('shop.yaml', text);
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  const list = entries.map(([key, value]) => ({ key, value }));
  return matchRule(new Map([[parsed.domain, parsed.root]]), 'shop', list);
}

describe('a rules file', () => {
  it('matches the exact value before the key alone', () => {
    expect(match(['path', '/login'])).toMatchObject({ path: 'shop.path_/login', limits: [{ requests: 3 }] });
    expect(match(['path', '/other'])).toMatchObject({ path: 'shop.path', limits: [{ requests: 100 }] });
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

describe('a broken rules file is refused with the place of its fault', () => {
  const one = (body: string) => `domain: a\ndescriptors:\n  - ${body}\n`;
  it.each([
    [
      'an unknown unit',
      one('{key: k, rate_limit: {unit: fortnight, requests_per_unit: 1}}'),
      '3:33',
      'rate_limit.unit',
    ],
    ['zero requests', one('{key: k, rate_limit: {unit: day, requests_per_unit: 0}}'), '3:57', 'requests_per_unit'],
    ['negative requests', one('{key: k, rate_limit: {requests: -1, window: 1s}}'), '3:37', 'rate_limit.requests'],
    ['text for requests', one('{key: k, rate_limit: {requests: many, window: 1s}}'), '3:37', 'rate_limit.requests'],
    ['a wrong window', one('{key: k, rate_limit: {requests: 1, window: soon}}'), '3:48', 'rate_limit.window'],
    ['a limit that is no map', one('{key: k, rate_limit: 5}'), '3:26', 'rate_limit'],
    ['no key', one('{value: v}'), '3:5', 'key'],
    ['a descriptor that is no map', one('text'), '3:5', 'descriptors'],
    ['a descriptor twice', one('{key: k}\n  - {key: k}'), '4:5', 'a.k is there twice'],
    ['an unknown field', one('{key: k, shadow_mode: true}'), '3:14', 'shadow_mode: not supported here'],
    ['a wildcard', one('{key: k, value: "a*"}'), '3:5', 'wildcards'],
    ['no domain', 'descriptors: []', '1:1', 'domain'],
    ['an empty file', '', '1:1', 'must be a map'],
    ['a list', '[1]', '1:1', 'must be a map'],
    ['no YAML', 'a: [', '1:5', ''],
    ['a key twice', 'domain: a\ndomain: b', '2:1', 'unique'],
  ])('%s', (_, broken, place, description) => {
    const faults = parseRules('f.yaml', broken) as readonly RulesFault[];
    expect(faults.map(({ line, column }) => `${line}:${column}`)).toEqual([place]);
    expect(faults[0]?.description).toContain(description);
  });

  it('nesting without end', () => {
    let deep = '{key: k}';
    for (let level = 0; level < 10_000; level++) deep = `{key: k, descriptors: [${deep}]}`;
    const faults = parseRules('f.yaml', one(deep)) as readonly RulesFault[];
    expect(faults.length).toBeGreaterThan(0);
  });
});
