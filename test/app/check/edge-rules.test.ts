import { describe, expect } from 'vitest';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { addedHeaders, check, httpStatus, parseDenial, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const RULES = `
domain: edge
descriptors:
  - key: remote_address
    rate_limit: {requests: 5, window: 60s}
    descriptors:
      - {key: route, value: search, rate_limit: {requests: 1, window: 60s}}
  - {key: remote_address, value: '2001:db8:0:5::1', rate_limit: {requests: 1, window: 60s}}
  - key: remote_address
    value: 198.51.100.0/24
    share_threshold: true
    rate_limit: {requests: 3, window: 60s}
  - {key: remote_address, value: 198.51.100.128/25, rate_limit: {requests: 2, window: 60s}}
  - {key: remote_address, value: 198.51.100.200, rate_limit: {requests: 1, window: 60s}}
  - {key: remote_address, value: '2001:db8:8000::/33', rate_limit: {requests: 2, window: 60s}}
  - {key: device, value: shared, rate_limit: {requests: 2, window: 60s}}
  - {key: route, value: global, rate_limit: {requests: 2, window: 60s}}
  - {key: route, value: tried, shadow_mode: true, rate_limit: {requests: 2, window: 1h}}
  - {key: device, value: named, rate_limit: {name: of-device, requests: 1, window: 60s}}
  - {key: route, value: wide, rate_limit: {requests: 3, window: 60s, replaces: [{name: of-device}]}}
  - key: route
    value: login
    descriptors:
      - key: remote_address
        rate_limit: {requests: 2, window: 60s}
        descriptors:
          - {key: device, rate_limit: {requests: 1, window: 60s}}
`;
const UNKNOWN = { 'x-api-key': `wk_live_${'0'.repeat(28)}` };

const it = test.override({ rules: RULES, environment: { DEVICE_HEADER: 'X-Device' } });
it.beforeAll(({ node, administrator }) => node.createPlan(administrator, 'team', 2));
let lastAddress = 0;
/** Returns an address that no other test uses, so that its counters are empty. */
const newAddress = () => `192.0.2.${++lastAddress}`;

const checkFrom = (
  node: TestNode,
  headers: Record<string, string>,
  address: string,
  extensions: Record<string, string> = {},
) => check(node.decision, headers, extensions, address);

async function checkRepeatedly(
  node: TestNode,
  times: number,
  headers: Record<string, string>,
  address: string,
  extensions = {},
) {
  const statuses = [];
  for (let time = 0; time < times; time++)
    statuses.push(httpStatus(await checkFrom(node, headers, address, extensions)));
  return statuses;
}

describe('an edge rule for a network', () => {
  it('takes the addresses of the network, and a smaller network or an address comes first', async ({ node }) => {
    expect(await checkRepeatedly(node, 3, UNKNOWN, '198.51.100.129')).toEqual([401, 401, 429]);
    expect(await checkRepeatedly(node, 3, UNKNOWN, '::ffff:198.51.100.130')).toEqual([401, 401, 429]);
    expect(await checkRepeatedly(node, 2, UNKNOWN, '198.51.100.200')).toEqual([401, 429]);
    expect(await checkRepeatedly(node, 2, UNKNOWN, '::ffff:c633:64c8')).toEqual([429, 429]);
    expect(await checkRepeatedly(node, 3, UNKNOWN, '2001:db8:8000:1::7')).toEqual([401, 401, 429]);
    expect(await checkRepeatedly(node, 3, UNKNOWN, '2001:db8:ffff:1::7')).toEqual([401, 401, 429]);
    expect(await checkRepeatedly(node, 3, UNKNOWN, '2001:db8:7fff:1::7')).toEqual([401, 401, 401]);
  });

  it('counts all its addresses together with share_threshold', async ({ node }) => {
    expect(await checkRepeatedly(node, 2, UNKNOWN, '198.51.100.1')).toEqual([401, 401]);
    expect(await checkRepeatedly(node, 2, UNKNOWN, '198.51.100.2')).toEqual([401, 429]);
  });
});

describe('edge rules limit failures per source', () => {
  it.for([
    ['no key', {}],
    ['a malformed key', { 'x-api-key': 'garbage' }],
    ['an unknown key', UNKNOWN],
    ['a new X-Forwarded-For each time', { ...UNKNOWN, 'x-forwarded-for': '203.0.113.1' }],
  ] as const)('answer a flood with %s with 429 instead of 401, and no other source', async ([_, headers], { node }) => {
    const address = newAddress();
    expect(await checkRepeatedly(node, 7, headers, address)).toEqual([401, 401, 401, 401, 401, 429, 429]);
    const denied = await checkFrom(node, { ...headers, 'x-forwarded-for': newAddress() }, address);
    expect(parseDenial(denied)?.code).toBe('rate_limited');
    expect(httpStatus(await checkFrom(node, headers, newAddress()))).toBe(401);
    expect(httpStatus(await checkFrom(node, headers, `::ffff:${address}`))).toBe(429);
  });

  it('also reject a valid key from that source', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const address = newAddress();
    await checkRepeatedly(node, 5, UNKNOWN, address);
    expect(httpStatus(await checkFrom(node, { 'x-api-key': secret }, address))).toBe(429);
    expect(addedHeaders(await checkFrom(node, { 'x-api-key': secret }, newAddress()))['x-ratelimit-remaining']).toBe(
      '1',
    );
  });

  it('charge a disabled key, and a key without the required feature, at the edge only', async ({
    node,
    administrator,
  }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const headers = { 'x-api-key': secret };
    const address = newAddress();
    expect(await checkRepeatedly(node, 3, headers, address, { 'weir.require': 'export' })).toEqual([403, 403, 403]);
    const request = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
    await node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
    expect(await checkRepeatedly(node, 3, headers, address)).toEqual([403, 403, 429]);
  });
});

describe('a valid key', () => {
  it('is charged at edge and plan in one decision: what the plan rejects costs nothing at the edge', async ({
    node,
    administrator,
  }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const address = newAddress();
    const first = await checkFrom(node, { 'x-api-key': secret }, address);
    expect(addedHeaders(first)['ratelimit-policy']).toMatch(/^"[^"]+";q=5;w=60, "burst";q=2;w=60$/);
    expect(await checkRepeatedly(node, 4, { 'x-api-key': secret }, address)).toEqual([200, 429, 429, 429]);
    const other = await node.createKey(administrator, 'team');
    expect(await checkRepeatedly(node, 2, { 'x-api-key': other.secret }, address)).toEqual([200, 200]);
    expect(await checkRepeatedly(node, 2, UNKNOWN, address)).toEqual([401, 429]);
  });

  it('is charged at the edge by Check, even if the rate limit filter charges its plan', async ({
    node,
    administrator,
  }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const off = { 'weir.rate_limit': 'off' };
    expect(await checkRepeatedly(node, 6, { 'x-api-key': secret }, newAddress(), off)).toEqual([
      200, 200, 200, 200, 200, 429,
    ]);
  });
});

describe('a rule of the edge', () => {
  it('in shadow mode rejects nothing and reports what it would reject', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const tried = { 'weir.route': 'tried', 'weir.rate_limit': 'off' };
    expect(await checkRepeatedly(node, 4, { 'x-api-key': secret }, newAddress(), tried)).toEqual([200, 200, 200, 200]);
    const shadowDecisions = async () => {
      const text = await node.metrics();
      return text.match(/^weir_shadow_decisions_total\{rule="edge.route_tried".*$/gm)?.toSorted();
    };
    await expect
      .poll(shadowDecisions)
      .toEqual([
        'weir_shadow_decisions_total{rule="edge.route_tried",verdict="ok"} 2',
        'weir_shadow_decisions_total{rule="edge.route_tried",verdict="would_deny"} 2',
      ]);
  });

  it('may replace another rule by its name', async ({ node }) => {
    const named = { ...UNKNOWN, 'x-device': 'named' };
    expect(await checkRepeatedly(node, 3, named, newAddress(), { 'weir.route': 'wide' })).toEqual([401, 401, 401]);
    expect(await checkRepeatedly(node, 1, named, newAddress(), { 'weir.route': 'wide' })).toEqual([429]);
    // The replaced rule was not charged.
    expect(await checkRepeatedly(node, 2, named, newAddress())).toEqual([401, 429]);
  });
});

describe('the entries of an edge descriptor', () => {
  const optional = { 'weir.auth': 'optional' };

  it('charge anonymous requests and report what remains', async ({ node }) => {
    const address = newAddress();
    const response = await checkFrom(node, {}, address, optional);
    expect(addedHeaders(response)).toMatchObject({ 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '4' });
    expect(await checkRepeatedly(node, 5, {}, address, optional)).toEqual([200, 200, 200, 200, 429]);
  });

  it('may be the device alone or the route alone', async ({ node }) => {
    const fromAnywhere = async (headers: Record<string, string>, extensions: Record<string, string>) => {
      const statuses = [];
      for (let time = 0; time < 3; time++)
        statuses.push(...(await checkRepeatedly(node, 1, headers, newAddress(), extensions)));
      return statuses;
    };
    expect(await fromAnywhere({ 'x-device': 'shared' }, optional)).toEqual([200, 200, 429]);
    expect(await fromAnywhere({ 'x-device': 'mine' }, optional)).toEqual([200, 200, 200]);
    expect(await fromAnywhere({}, { ...optional, 'weir.route': 'global' })).toEqual([200, 200, 429]);
    expect(await fromAnywhere({}, { ...optional, 'weir.route': 'other' })).toEqual([200, 200, 200]);
  });

  it('may be nested in any order', async ({ node }) => {
    const address = newAddress();
    expect(await checkRepeatedly(node, 2, {}, address, { ...optional, 'weir.route': 'search' })).toEqual([200, 429]);
    const login = { ...optional, 'weir.route': 'login' };
    expect(await checkRepeatedly(node, 2, { 'x-device': 'a' }, address, login)).toEqual([200, 429]);
    expect(await checkRepeatedly(node, 2, { 'x-device': 'b' }, address, login)).toEqual([200, 429]);
    expect(await checkRepeatedly(node, 2, {}, newAddress(), login)).toEqual([200, 200]);
  });

  it('leave out the address if Envoy does not know it', async ({ node }) => {
    expect(await checkRepeatedly(node, 6, UNKNOWN, '')).toEqual([401, 401, 401, 401, 401, 401]);
    expect(await checkRepeatedly(node, 1, UNKNOWN, '', { 'weir.route': 'global' })).toEqual([429]);
  });

  it('count IPv6 clients by their /64 network, because its owner has all of its addresses', async ({ node }) => {
    const network = '2001:db8:0:1';
    for (const host of ['::1', ':a:b:c:d', ':ffff:0:0:1', '::2', '::']) {
      expect(await checkRepeatedly(node, 1, UNKNOWN, `${network}${host}`)).toEqual([401]);
    }
    expect(await checkRepeatedly(node, 1, UNKNOWN, `${network}::3`)).toEqual([429]);
    expect(await checkRepeatedly(node, 1, UNKNOWN, '2001:db8:0:2::3')).toEqual([401]);
    const response = await shouldRateLimit(node.decision, 'edge', ['remote_address', `${network}::/64`]);
    expect(response.overallCode).toBe(2);
  });

  it('count a single IPv6 address if a rule names it', async ({ node }) => {
    expect(await checkRepeatedly(node, 2, UNKNOWN, '2001:db8:0:5::1')).toEqual([401, 429]);
    expect(await checkRepeatedly(node, 5, UNKNOWN, '2001:db8:0:5::2')).toEqual([401, 401, 401, 401, 401]);
  });

  it('use the same counter as the rate limit service for the same descriptor', async ({ node }) => {
    const address = newAddress();
    await checkRepeatedly(node, 3, UNKNOWN, address);
    const response = await shouldRateLimit(node.decision, 'edge', ['remote_address', address]);
    expect(response.statuses[0]?.limitRemaining).toBe(1);
  });
});
