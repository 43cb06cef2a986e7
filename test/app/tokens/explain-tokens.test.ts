import { describe, expect } from 'vitest';
import { CheckRequest } from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { ExplainServiceService } from '../../../src/generated/weir/admin/v1/explain_service.ts';
import { check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import { makeTokenKey, signToken, type TokenKey } from '../../support/servers/identity-provider.ts';
import { waitUntil } from '../../support/wait-until.ts';

const ISSUER = 'https://corp.example.com';
const it = test.extend('key', { scope: 'file' }, () => makeTokenKey('EdDSA', 'k1'));
it.beforeAll(async ({ node, issuers, key }) => {
  await issuers.add('corp', ISSUER, { jwks: { keys: [key.publicJwk] }, claims: { plan: 'tier' } });
  await waitUntil(async () => httpStatus(await checkToken(node, await tokenOf(key))) === 200);
});

const tokenOf = (key: TokenKey, claims: object = {}) => signToken(key, { iss: ISSUER, ...claims });
const checkToken = (node: TestNode, token: string) => check(node.decision, { authorization: `Bearer ${token}` });

async function explain(node: TestNode, administrator: Headers, headers: Record<string, string>) {
  const value = CheckRequest.fromPartial({ attributes: { request: { http: { headers } } } });
  const question = { $case: 'check' as const, value };
  return node.admin.call(ExplainServiceService.explain, { question }, administrator);
}

/** The number of refused tokens with this fault. */
async function countRefused(node: TestNode, fault: string): Promise<number> {
  const [, count = '0'] =
    new RegExp(`^weir_tokens_refused_total\\{fault="${fault}"\\} (\\d+)$`, 'm').exec(await node.metrics()) ?? [];
  return Number(count);
}

const HOUR_SECONDS = 3600;
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

describe('an administrator', () => {
  it.for([
    ['another audience', { aud: 'https://other' }, 'aud: expected api, found https://other'],
    ['several audiences', { aud: ['x', 'y'] }, 'aud: expected api, found [x, y]'],
    [
      'another issuer',
      { iss: 'https://nobody' },
      /^iss: expected one of \[weir, https:\/\/corp\.example\.com.*\], found https:\/\/nobody$/,
    ],
    ['the past', { exp: 1_000_000_000 }, 'exp: the token expired at 2001-09-09T01:46:40.000Z'],
    [
      'the future',
      { nbf: 4_000_000_000, exp: 4_000_003_600 },
      'nbf: the token is not valid before 2096-10-02T07:06:40.000Z',
    ],
    ['an unknown plan', { tier: 'platinum' }, 'plan: expected a plan of the catalog, found platinum'],
    ['no account', { sub: '' }, /account\): expected a text of 1 to 256/],
    ['no expiry', { exp: undefined }, /^exp, nbf, iat: must be times/],
  ] as const)('learns what is wrong with a token with %s', async ([_, claims, fault], { node, administrator, key }) => {
    const token = await tokenOf(key, claims);
    const explained = await explain(node, administrator, { authorization: `Bearer ${token}` });
    expect(explained.credentialFault).toMatch(fault);
    expect(explained.answer).toMatch(/_credential$/);
    expect(JSON.stringify(explained)).not.toContain(token);
  });

  it('learns which key or algorithm a token should have named', async ({ node, administrator, key }) => {
    const otherKey = await makeTokenKey('EdDSA', 'k2');
    const unknown = await explain(node, administrator, { authorization: `Bearer ${await tokenOf(otherKey)}` });
    expect(unknown.credentialFault).toBe('kid: expected k1, found k2');
    const forged = await explain(node, administrator, {
      authorization: `Bearer ${await tokenOf({ ...otherKey, id: key.id })}`,
    });
    expect(forged.credentialFault).toBe('signature: is not by the key of the issuer with this kid and alg');
    const hmac = await makeTokenKey('ES256', 'k1');
    const algorithm = await explain(node, administrator, { authorization: `Bearer ${await tokenOf(hmac)}` });
    expect(algorithm.credentialFault).toMatch(/^alg: expected .*, found ES256$/);
  });

  it('learns nothing about a credential that is good, and the form of one that is not', async ({
    node,
    administrator,
    key,
  }) => {
    const good = await explain(node, administrator, { authorization: `Bearer ${await tokenOf(key)}` });
    expect([good.answer, good.credentialFault]).toEqual(['allowed', '']);
    const malformed = await explain(node, administrator, { 'x-api-key': 'garbage' });
    expect(malformed.credentialFault).toMatch(/^this is not an API key/);
    const unknown = await explain(node, administrator, { 'x-api-key': 'wk_live_00000000000000000000002R9VMG' });
    expect(unknown.credentialFault).not.toBe('');
  });
});

describe('the metric of refused tokens', () => {
  it.for([
    ['not_yet_valid', { nbf: inSeconds(HOUR_SECONDS), exp: inSeconds(2 * HOUR_SECONDS) }],
    ['unknown_plan', { tier: 'platinum' }],
  ] as const)('counts the fault %s of a signed token, and no repetition', async ([fault, claims], { node, key }) => {
    const before = await countRefused(node, fault);
    const tokens = [await tokenOf(key, claims), await tokenOf(key, claims)];
    for (const token of [...tokens, ...tokens]) {
      expect(parseDenial(await checkToken(node, token))?.code).toBe('unknown_credential');
    }
    expect(await countRefused(node, fault)).toBe(before + 2);
  });
});
