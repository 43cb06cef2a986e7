import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { findDeadRules } from './find-dead-rules.ts';
import { matchRule } from './match-rule.ts';
import type { RuleBook } from './rule-book.ts';

const LIMIT = 'rate_limit: {requests: 5, window: 1m}';

function bookOf(descriptors: readonly string[], domain = 'shop', settings = ''): RuleBook {
  const text = `domain: ${domain}\n${settings}\ndescriptors:\n${descriptors.map((text) => `  - ${text}`).join('\n')}\n`;
  const parsed = parseRules('rules.yaml', text);
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  return new Map([[parsed.domain, parsed.root]]);
}

/** The findings as `path: description`. */
function findIn(descriptors: readonly string[], domain?: string, settings?: string): readonly string[] {
  return [...findDeadRules(bookOf(descriptors, domain, settings))].map(
    ({ path, description }) => `${path}: ${description}`,
  );
}

describe('dead rules', () => {
  it('are keys that Check never sends in the domain edge', () => {
    expect(
      findIn(
        [
          `{key: api_key, ${LIMIT}}`,
          `{key: remote_adress, value: 10.0.0.1, ${LIMIT}}`,
          `{key: route, value: login, descriptors: [{key: device, descriptors: [{key: route, value: x, ${LIMIT}}]}]}`,
          `{key: device, value: ${'d'.repeat(257)}, ${LIMIT}}`,
          `{key: remote_address, value: localhost, ${LIMIT}}`,
          `{key: remote_address, value: '10.*', ${LIMIT}}`,
          `{key: remote_address, value: 10.0.0.0/8, ${LIMIT}}`,
          `{key: remote_address, ${LIMIT}}`,
        ],
        'edge',
      ),
    ).toEqual([
      'edge.api_key: can never match: in the domain edge, Check sends only remote_address, device, route, refused',
      'edge.remote_adress_10.0.0.1: can never match: in the domain edge, Check sends only remote_address, device, route, refused',
      'edge.route_login.device.route_x: can never match: Check sends route only once, and a descriptor above has it',
      `edge.device_${'d'.repeat(257)}: can never match: Check cuts off the names of devices after 256 characters`,
      'edge.remote_address_localhost: can never match: its value is neither an address nor a network, such as 192.0.2.1 or 192.0.2.0/24',
    ]);
  });

  it('are keys and outcomes that the admin API never sends in the domain admin', () => {
    const sent = [
      `{key: method, value: 'AuthService/*', ${LIMIT}}`,
      `{key: outcome, value: 'invalid_*', ${LIMIT}}`,
      `{key: outcome, descriptors: [{key: account, descriptors: [{key: device, ${LIMIT}}]}]}`,
      `{key: remote_address, value: 10.0.0.0/8, ${LIMIT}}`,
    ];
    expect(findIn(sent, 'admin')).toEqual([]);
    expect(
      findIn(
        [
          `{key: email, ${LIMIT}}`,
          `{key: method, value: Login, ${LIMIT}}`,
          `{key: outcome, value: wrong, ${LIMIT}}`,
          `{key: outcome, value: 'x*', ${LIMIT}}`,
          `{key: account, descriptors: [{key: account, ${LIMIT}}]}`,
        ],
        'admin',
      ),
    ).toEqual([
      'admin.email: can never match: in the domain admin, the admin API sends only method, remote_address, account, device, outcome',
      'admin.method_Login: can never match: its value is not a method, such as AuthService/Login',
      'admin.outcome_wrong: can never match: calls end with one of ok, wrong_password, invalid_request, invalid_token, failed',
      'admin.outcome_x*: can never match: calls end with one of ok, wrong_password, invalid_request, invalid_token, failed',
      'admin.account.account: can never match: the admin API sends account only once, and a descriptor above has it',
    ]);
  });

  it('are rules for refused requests that match none, never reject, or block others', () => {
    const penalty = 'rate_limit: {name: p, requests: 3, window: 15s, block_for: 1m}';
    expect(
      findIn(
        [
          `{key: refused, value: '429', ${penalty}}`,
          `{key: refused, value: '401', ${penalty}}`,
          `{key: device, descriptors: [{key: refused, ${penalty}}]}`,
          `{key: remote_address, descriptors: [{key: refused, value: '403', ${LIMIT}}]}`,
          `{key: route, descriptors: [{key: refused, descriptors: [{key: remote_address, ${penalty}}]}]}`,
        ],
        'edge',
      ),
    ).toEqual([
      'edge.refused_429: can never match: Check sends only 401 and 403 as refused',
      'edge.refused_401: blocks clients for the requests of others; add remote_address next to refused',
      'edge.device.refused: blocks clients for the requests of others; add remote_address next to refused',
      expect.stringMatching(
        /^edge\.remote_address\.refused_403: the limit .* can never reject: below refused, only block_for does$/,
      ),
    ]);
  });

  it('are keys that the catalog counts in the domain plans, at any level', () => {
    const descriptors = [
      `{key: api_key, ${LIMIT}}`,
      `{key: route, value: x, descriptors: [{key: account, ${LIMIT}}]}`,
      `{key: route, ${LIMIT}}`,
    ];
    const reason = (key: string) =>
      `can never match: in the domain plans, the plans of the catalog count ${key}, and rules do not`;
    expect(findIn(descriptors, 'plans')).toEqual([
      `plans.api_key: ${reason('api_key')}`,
      `plans.route_x.account: ${reason('account')}`,
    ]);
    expect(findIn(descriptors)).toEqual([]);
  });

  it('are descriptors without limits and descriptors, and domains without descriptors', () => {
    const idle =
      'has neither limits nor descriptors, so it limits nothing; rate_limit: {unlimited: true} says so explicitly';
    expect(
      findIn([
        '{key: a}',
        '{key: b, descriptors: []}',
        '{key: c, descriptors: [{key: d}]}',
        '{key: e, shadow_mode: true}',
      ]),
    ).toEqual([`shop.a: ${idle}`, `shop.b: ${idle}`, `shop.c.d: ${idle}`, `shop.e: ${idle}`]);
    expect(findIn(['{key: a, rate_limit: {unlimited: true}}'])).toEqual([]);
    const parsed = parseRules('rules.yaml', 'domain: shop\n');
    if (!('root' in parsed)) throw new Error('the rules have faults');
    expect([...findDeadRules(new Map([['shop', parsed.root]]))]).toHaveLength(1);
  });

  it('are values behind a wildcard that matches all of them', () => {
    const shadowed = (path: string, by: string) =>
      `shop.${path}: can never match: shop.${by} matches the same values and comes first`;
    const values = ['/a/*', '/a/b/*', '/a/*/c', '/a/b', '*/c', '*', '/z*', '/a*'];
    expect(
      findIn([...values.map((value) => `{key: path, value: '${value}', ${LIMIT}}`), `{key: path, ${LIMIT}}`]),
    ).toEqual([
      shadowed('path_/a/b/*', 'path_/a/*'),
      shadowed('path_/a/*/c', 'path_/a/*'),
      shadowed('path_/z*', 'path_*'),
      shadowed('path_/a*', 'path_*'),
      shadowed('path', 'path_*'),
    ]);
    expect(
      findIn([`{key: path, ${LIMIT}}`, `{key: path, value: '*', ${LIMIT}}`], 'shop', 'match: most_specific'),
    ).toEqual([shadowed('path', 'path_*')]);
    const nested = `descriptors: [{key: method, ${LIMIT}}]`;
    expect(
      findIn([`{key: path, ${nested}}`, `{key: path, value: '*', ${LIMIT}}`], 'shop', 'match: most_specific'),
    ).toEqual([]);
    expect(
      findIn(
        [`{key: path, value: '*', ${LIMIT}}`, `{key: path, value: '/a*', ${LIMIT}}`],
        'shop',
        'match: most_specific',
      ),
    ).toEqual([]);
  });

  it('are networks and addresses that are already there in another spelling', () => {
    const descriptors = [
      '10.0.0.0/8',
      '::ffff:10.0.0.0/104',
      '192.0.2.1/32',
      '192.0.2.1',
      '2001:DB8::1',
      '2001:db8::1',
    ].map((value) => `{key: remote_address, value: '${value}', ${LIMIT}}`);
    expect(findIn(descriptors)).toEqual([
      'shop.remote_address_::ffff:10.0.0.0/104: can never match: shop.remote_address_10.0.0.0/8 matches the same values and comes first',
      'shop.remote_address_192.0.2.1/32: can never match: shop.remote_address_192.0.2.1 matches the same values and comes first',
      'shop.remote_address_2001:DB8::1: can never match: shop.remote_address_2001:db8::1 matches the same values and comes first',
    ]);
  });

  it('are limits next to stricter ones, and replaced limits that do not exist', () => {
    const limits = (...texts: readonly string[]) => [`{key: a, limits: [${texts.join(', ')}]}`];
    expect(
      findIn(limits('{name: loose, requests: 10, window: 1m}', '{name: strict, requests: 5, window: 1m}')),
    ).toEqual(['shop.a: the limit loose can never reject: the limit strict is stricter']);
    expect(findIn(limits('{name: one, requests: 5, window: 1m}', '{name: two, requests: 5, window: 1m}'))).toEqual([
      'shop.a: the limit two can never reject: the limit one is stricter',
    ]);
    expect(findIn(limits('{requests: 5, window: 1s}', '{requests: 100, window: 1m}'))).toEqual([]);
    expect(findIn(['{key: a, rate_limit: {requests: 1, window: 1m, replaces: [{name: gone}]}}'])).toEqual([
      'shop.a: replaces the limit gone, but no limit of the domain has this name',
    ]);
  });

  it('never match any request, for random rules', () => {
    const value = fc.string({ unit: fc.constantFrom('x', 'y', '*'), minLength: 1, maxLength: 3 });
    const requests = fc.array(fc.string({ unit: fc.constantFrom('x', 'y', 'z'), maxLength: 5 }), { maxLength: 20 });
    const mode = fc.constantFrom('', 'match: most_specific');
    let dead = 0;
    const property = fc.property(fc.uniqueArray(value, { maxLength: 6 }), mode, requests, (values, settings, sent) => {
      const book = bookOf(
        [...values.map((text) => `{key: k, value: '${text}', ${LIMIT}}`), `{key: k, ${LIMIT}}`],
        'shop',
        settings,
      );
      const found = new Set([...findDeadRules(book)].map(({ path }) => path));
      dead += found.size;
      for (const text of sent) expect(found).not.toContain(matchRule(book, 'shop', [{ key: 'k', value: text }])?.path);
    });
    fc.assert(property, { numRuns: 1000 });
    expect(dead).toBeGreaterThan(100);
  });
});
