import { describe, expect } from 'vitest';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { addedHeaders, check, httpStatus, parseDenial, shouldRateLimit } from '../../support/decision-calls.ts';
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
/** Nobody else's, so that each test begins with nothing counted. */
const newAddress = () => `192.0.2.${++lastAddress}`;

const ask = (
  node: TestNode,
  headers: Record<string, string>,
  address: string,
  extensions: Record<string, string> = {},
) => check(node.decision, headers, extensions, address);

async function statuses(
  node: TestNode,
  times: number,
  headers: Record<string, string>,
  address: string,
  extensions = {},
) {
  const found = [];
  for (let time = 0; time < times; time++) found.push(httpStatus(await ask(node, headers, address, extensions)));
  return found;
}

describe('failures per source are limited by the edge rules', () => {
  it.for([
    ['no key', {}],
    ['garbage', { 'x-api-key': 'garbage' }],
    ['a key that nobody has', UNKNOWN],
    ['another X-Forwarded-For each', { ...UNKNOWN, 'x-forwarded-for': '203.0.113.1' }],
  ] as const)('a flood with %s is answered 429 before 401, and others are not', async ([_, headers], { node }) => {
    const address = newAddress();
    expect(await statuses(node, 7, headers, address)).toEqual([401, 401, 401, 401, 401, 429, 429]);
    const refused = await ask(node, { ...headers, 'x-forwarded-for': newAddress() }, address);
    expect(parseDenial(refused)?.code).toBe('rate_limited');
    expect(httpStatus(await ask(node, headers, newAddress()))).toBe(401);
    expect(httpStatus(await ask(node, headers, `::ffff:${address}`))).toBe(429);
  });

  it('a good key is no way around it', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const address = newAddress();
    await statuses(node, 5, UNKNOWN, address);
    expect(httpStatus(await ask(node, { 'x-api-key': secret }, address))).toBe(429);
    expect(addedHeaders(await ask(node, { 'x-api-key': secret }, newAddress()))['x-ratelimit-remaining']).toBe('1');
  });

  it('a disabled key, and one without a feature, are charged at the edge alone', async ({ node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const headers = { 'x-api-key': secret };
    const address = newAddress();
    expect(await statuses(node, 3, headers, address, { 'weir.require': 'export' })).toEqual([403, 403, 403]);
    const request = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
    await node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
    expect(await statuses(node, 3, headers, address)).toEqual([403, 403, 429]);
  });
});

describe('a good key', () => {
  it('is charged edge and plan in one decision: what the plan refuses costs nothing at the edge', async ({
    node,
    administrator,
  }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const address = newAddress();
    const first = await ask(node, { 'x-api-key': secret }, address);
    expect(addedHeaders(first)['ratelimit-policy']).toMatch(/^"[^"]+";q=5;w=60, "burst";q=2;w=60$/);
    expect(await statuses(node, 4, { 'x-api-key': secret }, address)).toEqual([200, 429, 429, 429]);
    const other = await node.createKey(administrator, 'team');
    expect(await statuses(node, 2, { 'x-api-key': other.secret }, address)).toEqual([200, 200]);
    expect(await statuses(node, 2, UNKNOWN, address)).toEqual([401, 429]);
  });

  it('whose plan the rate limit filter charges is charged at the edge by Check', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const off = { 'weir.rate_limit': 'off' };
    expect(await statuses(node, 6, { 'x-api-key': secret }, newAddress(), off)).toEqual([200, 200, 200, 200, 200, 429]);
  });
});

describe('rules of the edge', () => {
  it('in shadow mode refuse nothing, and tell what they would', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const tried = { 'weir.route': 'tried', 'weir.rate_limit': 'off' };
    expect(await statuses(node, 4, { 'x-api-key': secret }, newAddress(), tried)).toEqual([200, 200, 200, 200]);
    const told = async () => {
      const text = await node.metrics();
      return text.match(/^weir_shadow_decisions_total\{rule="edge.route_tried".*$/gm)?.toSorted();
    };
    await expect
      .poll(told)
      .toEqual([
        'weir_shadow_decisions_total{rule="edge.route_tried",verdict="ok"} 2',
        'weir_shadow_decisions_total{rule="edge.route_tried",verdict="would_deny"} 2',
      ]);
  });

  it('may replace others by their names', async ({ node }) => {
    const named = { ...UNKNOWN, 'x-device': 'named' };
    expect(await statuses(node, 3, named, newAddress(), { 'weir.route': 'wide' })).toEqual([401, 401, 401]);
    expect(await statuses(node, 1, named, newAddress(), { 'weir.route': 'wide' })).toEqual([429]);
    // It was not charged meanwhile.
    expect(await statuses(node, 2, named, newAddress())).toEqual([401, 429]);
  });
});

describe('the entries of the edge', () => {
  const optional = { 'weir.auth': 'optional' };

  it('charge who is anonymous, and tell them what is left', async ({ node }) => {
    const address = newAddress();
    const answer = await ask(node, {}, address, optional);
    expect(addedHeaders(answer)).toMatchObject({ 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '4' });
    expect(await statuses(node, 5, {}, address, optional)).toEqual([200, 200, 200, 200, 429]);
  });

  it('are device and route, each alone', async ({ node }) => {
    const fromAnywhere = async (headers: Record<string, string>, extensions: Record<string, string>) => {
      const found = [];
      for (let time = 0; time < 3; time++) found.push(...(await statuses(node, 1, headers, newAddress(), extensions)));
      return found;
    };
    expect(await fromAnywhere({ 'x-device': 'shared' }, optional)).toEqual([200, 200, 429]);
    expect(await fromAnywhere({ 'x-device': 'mine' }, optional)).toEqual([200, 200, 200]);
    expect(await fromAnywhere({}, { ...optional, 'weir.route': 'global' })).toEqual([200, 200, 429]);
    expect(await fromAnywhere({}, { ...optional, 'weir.route': 'other' })).toEqual([200, 200, 200]);
  });

  it('may be nested in one another, in any order', async ({ node }) => {
    const address = newAddress();
    expect(await statuses(node, 2, {}, address, { ...optional, 'weir.route': 'search' })).toEqual([200, 429]);
    const login = { ...optional, 'weir.route': 'login' };
    expect(await statuses(node, 2, { 'x-device': 'a' }, address, login)).toEqual([200, 429]);
    expect(await statuses(node, 2, { 'x-device': 'b' }, address, login)).toEqual([200, 429]);
    expect(await statuses(node, 2, {}, newAddress(), login)).toEqual([200, 200]);
  });

  it('of whom Envoy does not know the address are the others', async ({ node }) => {
    expect(await statuses(node, 6, UNKNOWN, '')).toEqual([401, 401, 401, 401, 401, 401]);
    expect(await statuses(node, 1, UNKNOWN, '', { 'weir.route': 'global' })).toEqual([429]);
  });

  it('count clients of IPv6 by their network of 64 bits: whoever has one has all of its addresses', async ({
    node,
  }) => {
    const network = '2001:db8:0:1';
    for (const host of ['::1', ':a:b:c:d', ':ffff:0:0:1', '::2', '::']) {
      expect(await statuses(node, 1, UNKNOWN, `${network}${host}`)).toEqual([401]);
    }
    expect(await statuses(node, 1, UNKNOWN, `${network}::3`)).toEqual([429]);
    expect(await statuses(node, 1, UNKNOWN, '2001:db8:0:2::3')).toEqual([401]);
    const answer = await shouldRateLimit(node.decision, 'edge', ['remote_address', `${network}::/64`]);
    expect(answer.overallCode).toBe(2);
  });

  it('count an address of IPv6 by itself where a rule names it', async ({ node }) => {
    expect(await statuses(node, 2, UNKNOWN, '2001:db8:0:5::1')).toEqual([401, 429]);
    expect(await statuses(node, 5, UNKNOWN, '2001:db8:0:5::2')).toEqual([401, 401, 401, 401, 401]);
  });

  it('are counted where the rate limit service counts the same descriptor', async ({ node }) => {
    const address = newAddress();
    await statuses(node, 3, UNKNOWN, address);
    const answer = await shouldRateLimit(node.decision, 'edge', ['remote_address', address]);
    expect(answer.statuses[0]?.limitRemaining).toBe(1);
  });
});
