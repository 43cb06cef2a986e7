import { describe, expect } from 'vitest';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { IssueTokenRequest, TokenServiceService } from '../../../src/generated/weir/admin/v1/token_service.ts';
import { check, parseDenial } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { NewApiKey, TestNode } from '../../support/node.ts';
import { makeTokenKey, signToken } from '../../support/servers/identity-provider.ts';
import { waitUntil } from '../../support/wait-until.ts';

const RULES = `
domain: edge
descriptors:
  - {key: route, value: once, rate_limit: {name: per-route, requests: 1, window: 1h}}
`;
const it = test.override('rules', RULES);
const REQUEST_ID = 'request-1';
const UUID = /^[0-9a-f-]{36}$/;

it.beforeAll(async ({ node, administrator }) => {
  await node.createPlan(administrator, 'single', 1);
  const limits = [{ name: 'this-month', requests: 1, window: '1mo', algorithm: 'calendar' }];
  const plan = { displayName: 'quota', limits };
  const request = CreatePlanRequest.fromPartial({ planId: 'quota', plan });
  await node.admin.call(PlanServiceService.createPlan, request, administrator);
});

/** Returns the dynamic metadata of a denied Check. */
async function deny(
  node: TestNode,
  headers: Record<string, string>,
  extensions: Record<string, string> = {},
): Promise<Readonly<Record<string, unknown>>> {
  const response = await check(node.decision, { 'x-request-id': REQUEST_ID, ...headers }, extensions);
  const { dynamicMetadata: metadata = {} } = response;
  expect(metadata.code).toBe(parseDenial(response)?.code);
  expect(metadata.request_id).toBe(REQUEST_ID);
  for (const value of Object.values(metadata)) expect(value).toMatch(/./);
  return metadata;
}

const keyId = ({ name }: NewApiKey) => name.replace('apiKeys/', '');

describe('the dynamic metadata of a denial', () => {
  it.for([
    ['missing_credential', {}],
    ['malformed_credential', { 'x-api-key': 'garbage' }],
    ['unknown_credential', { 'x-api-key': 'wk_live_000000000000000000000046VdPo' }],
    ['malformed_credential', { authorization: 'Bearer opaque' }],
  ] as const)('has code, request id and source, and names nobody: %s for %j', async ([code, headers], { node }) => {
    expect(await deny(node, headers)).toEqual({ code, request_id: REQUEST_ID, source: 'catalog' });
  });

  it('names the account, id and plan of a key that is disabled', async ({ node, administrator }) => {
    const key = await node.createKey(administrator, 'free');
    const change = { apiKey: { name: key.name, disabled: true }, updateMask: 'disabled' };
    await node.admin.call(ApiKeyServiceService.updateApiKey, UpdateApiKeyRequest.fromPartial(change), administrator);
    const metadata = await deny(node, { 'x-api-key': key.secret });
    const account = expect.stringMatching(/^[0-9a-f-]{36}$/);
    expect(metadata).toEqual({
      account,
      api_key: keyId(key),
      plan: 'free',
      code: 'disabled_credential',
      request_id: REQUEST_ID,
      source: 'catalog',
    });
  });

  it('names a key that has expired, is used from another network, or lacks a feature', async ({
    node,
    administrator,
  }) => {
    const expiring = await node.createKey(administrator, 'free', { expireTime: new Date(Date.now() + 1_000) });
    const elsewhere = await node.createKey(administrator, 'free', { allowedNetworks: ['198.51.100.0/24'] });
    const plain = await node.createKey(administrator, 'pro');
    expect(await deny(node, { 'x-api-key': elsewhere.secret })).toMatchObject({
      code: 'forbidden_network',
      api_key: keyId(elsewhere),
      plan: 'free',
    });
    expect(await deny(node, { 'x-api-key': plain.secret }, { 'weir.require': 'export' })).toMatchObject({
      code: 'missing_feature',
      api_key: keyId(plain),
      plan: 'pro',
    });
    await expect
      .poll(async () => (await check(node.decision, { 'x-api-key': expiring.secret })).dynamicMetadata)
      .toMatchObject({ code: 'expired_credential', api_key: keyId(expiring), plan: 'free' });
  });

  it('names the rule and the limit that refused, and what remains of it', async ({ node, administrator }) => {
    const limited = await node.createKey(administrator, 'single');
    const allowed = await check(node.decision, { 'x-api-key': limited.secret, 'x-request-id': REQUEST_ID });
    const identity = { account: expect.any(String), api_key: keyId(limited), plan: 'single' };
    expect(allowed.dynamicMetadata).toEqual({ ...identity, remaining: '0', request_id: REQUEST_ID, source: 'memory' });
    expect(await deny(node, { 'x-api-key': limited.secret })).toEqual({
      ...identity,
      code: 'rate_limited',
      rule: 'plans/single',
      limit: 'burst',
      remaining: '0',
      request_id: REQUEST_ID,
      source: expect.stringMatching(/^(memory|local)$/),
    });
    const monthly = await node.createKey(administrator, 'quota');
    expect(await deny(node, { 'x-api-key': monthly.secret }, { 'weir.cost': '2' })).toMatchObject({
      code: 'cost_exceeds_limit',
      api_key: keyId(monthly),
      rule: 'plans/quota',
      limit: 'this-month',
      remaining: '1',
    });
  });

  it('names the limit of the domain edge that refused, and the key if there is one', async ({
    node,
    administrator,
  }) => {
    const key = await node.createKey(administrator, 'free');
    const extensions = { 'weir.route': 'once', 'weir.auth': 'optional' };
    const passed = await check(node.decision, {}, extensions);
    expect(passed.dynamicMetadata).toEqual({
      remaining: '0',
      request_id: expect.stringMatching(UUID),
      source: 'memory',
    });
    const expected = { code: 'rate_limited', rule: 'edge.route_once', limit: 'per-route', remaining: '0' };
    const anonymous = await deny(node, {}, extensions);
    expect(anonymous).toMatchObject(expected);
    expect(anonymous).not.toHaveProperty('account');
    expect(await deny(node, { 'x-api-key': key.secret }, extensions)).toMatchObject({
      ...expected,
      api_key: keyId(key),
      plan: 'free',
    });
  });

  it('names the account and plan of a verified token that was revoked, and never an id of a key', async ({
    node,
    administrator,
  }) => {
    const issuing = IssueTokenRequest.fromPartial({ account: 'acme/42', plan: 'plans/free', ttl: '1h' });
    const { token } = await node.admin.call(TokenServiceService.issueToken, issuing, administrator);
    const authorization = `Bearer ${token}`;
    const passed = await check(node.decision, { authorization });
    expect(passed.dynamicMetadata).toMatchObject({ account: 'acme/42', plan: 'free' });
    expect(await deny(node, { authorization }, { 'weir.require': 'export' })).toMatchObject({
      code: 'missing_feature',
      account: 'acme/42',
      plan: 'free',
    });
    const revocation = { token, issuer: '', tokenId: '', expireTime: undefined };
    await node.admin.call(TokenServiceService.revokeToken, revocation, administrator);
    await waitUntil(async () => (await check(node.decision, { authorization })).dynamicMetadata?.code !== undefined);
    expect(await deny(node, { authorization })).toEqual({
      account: 'acme/42',
      plan: 'free',
      code: 'revoked_credential',
      request_id: REQUEST_ID,
      source: 'catalog',
    });
  });

  it('names nobody for a token whose signature is wrong, or cannot be verified', async ({ node, issuers }) => {
    const key = await makeTokenKey('EdDSA');
    const forged = await signToken(key, { iss: 'weir', aud: 'weir', sub: 'victim', weir: { plan: 'free' } });
    const nobody = { request_id: REQUEST_ID, source: 'catalog' };
    expect(await deny(node, { authorization: `Bearer ${forged}` })).toEqual({ code: 'unknown_credential', ...nobody });
    await issuers.add('away', 'https://away.example.com', { jwksUri: 'http://127.0.0.1:1/jwks' });
    const authorization = `Bearer ${await signToken(key, { iss: 'https://away.example.com', sub: 'victim' })}`;
    await waitUntil(async () => {
      const { dynamicMetadata } = await check(node.decision, { authorization });
      return dynamicMetadata?.code === 'verification_unavailable';
    });
    expect(await deny(node, { authorization })).toEqual({ code: 'verification_unavailable', ...nobody });
  });

  it('names the key while the counters are unavailable', async ({ node, administrator, startNode }) => {
    const key = await node.createKey(administrator, 'single');
    const cutOff = await startNode({ REDIS_URL: 'redis://127.0.0.1:1', REDIS_DEADLINE_MS: '50' });
    expect(await deny(cutOff, { 'x-api-key': key.secret })).toEqual({
      account: expect.any(String),
      api_key: keyId(key),
      plan: 'single',
      code: 'store_unavailable',
      request_id: REQUEST_ID,
      source: 'catalog',
    });
  });

  it('has the code for a route whose configuration is invalid', async ({ node, administrator }) => {
    const key = await node.createKey(administrator, 'free');
    expect(await deny(node, { 'x-api-key': key.secret }, { 'weir.cost': 'ten' })).toEqual({
      code: 'invalid_configuration',
      extension: 'weir.cost',
      request_id: REQUEST_ID,
      source: 'catalog',
    });
  });
});
