import { exportJWK } from 'jose';
import { expect } from 'vitest';
import { addedHeaders, check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import { makeTokenKey, signToken, type TokenKey } from '../../support/servers/identity-provider.ts';
import { waitUntil } from '../../support/wait-until.ts';

const SIGNING_KEY_SECRET = 'a secret of the tests, long enough';
const it = test
  .override('environment', { SIGNING_KEY_SECRET })
  .extend('key', { scope: 'file' }, () => makeTokenKey('EdDSA'));
it.beforeAll(async ({ node, issuers, key }) => {
  await issuers.addSigningKey(SIGNING_KEY_SECRET, key, await exportJWK(key.privateKey), key.publicJwk);
  await waitUntil(
    async () => httpStatus(await checkToken(node, await signWeirToken(key, { plan: 'enterprise' }))) === 200,
  );
});

const signWeirToken = (key: TokenKey, weir: object, claims: object = {}) =>
  signToken(key, { iss: 'weir', aud: 'weir', sub: 'anybody', weir, ...claims }, { typ: 'weir+jwt' });
const checkToken = (node: TestNode, token: string, extensions: Record<string, string> = {}) =>
  check(node.decision, { authorization: `Bearer ${token}` }, extensions);
const limits = [{ name: 'own', requests: 2, window: '60s', onStoreFailure: 'deny' }];

it('a token with limits and no plan is charged its limits, for itself alone', async ({ node, key }) => {
  const [one, other] = [await signWeirToken(key, { limits }), await signWeirToken(key, { limits })];
  const response = await checkToken(node, one);
  expect(addedHeaders(response)).toMatchObject({ 'ratelimit-policy': '"own";q=2;w=60', 'x-ratelimit-remaining': '1' });
  expect(response.dynamicMetadata).toMatchObject({ account: 'anybody' });
  expect(response.dynamicMetadata).not.toHaveProperty('plan');
  expect(httpStatus(await checkToken(node, one))).toBe(200);
  expect(parseDenial(await checkToken(node, one))?.code).toBe('rate_limited');
  expect(httpStatus(await checkToken(node, other))).toBe(200);
});

it('a token with a plan and limits is charged both in one decision, the plan for its account', async ({
  node,
  key,
}) => {
  const sub = 'with both';
  const [one, other] = [
    await signWeirToken(key, { plan: 'free', limits }, { sub }),
    await signWeirToken(key, { plan: 'free' }, { sub }),
  ];
  const response = await checkToken(node, one);
  expect(addedHeaders(response)['ratelimit-policy']).toBe('"minute";q=60;w=60, "day";q=1000;w=86400, "own";q=2;w=60');
  expect(response.dynamicMetadata).toMatchObject({ account: sub, plan: 'free' });
  await checkToken(node, one);
  expect(httpStatus(await checkToken(node, one))).toBe(429);
  expect(addedHeaders(await checkToken(node, other))['x-ratelimit-remaining']).toBe('57');
});

it('limits with routes count only these routes and charge their weir.cost', async ({ node, key }) => {
  const text = await signWeirToken(key, {
    limits: [{ ...limits[0], requests: 10, routes: ['export'] }],
    plan: 'enterprise',
  });
  expect(addedHeaders(await checkToken(node, text))).not.toHaveProperty('x-ratelimit-remaining');
  const costly = await checkToken(node, text, { 'weir.route': 'export', 'weir.cost': '4' });
  expect(addedHeaders(costly)['x-ratelimit-remaining']).toBe('6');
});

it('a token with neither plan nor limits, or on an unknown plan, is denied', async ({ node, key }) => {
  for (const weir of [{}, { features: ['export'] }, { plan: 'gone' }, { plan: 'gone', limits }]) {
    expect(parseDenial(await checkToken(node, await signWeirToken(key, weir)))?.code).toBe('unknown_credential');
  }
});

it('features of a token count in addition to those of its plan', async ({ node, key }) => {
  const able = await signWeirToken(key, { plan: 'free', features: ['export'] });
  expect(httpStatus(await checkToken(node, able, { 'weir.require': 'export' }))).toBe(200);
  expect(parseDenial(await checkToken(node, able, { 'weir.require': 'export,bulk' }))?.code).toBe('missing_feature');
});

it('a token is denied once its signing key has expired or is deleted, even if it was accepted before', async ({
  node,
  issuers,
  key,
}) => {
  const text = await signWeirToken(key, { plan: 'enterprise' });
  expect(httpStatus(await checkToken(node, text))).toBe(200);
  await issuers.run(`update signing_key set expire_time = now() - interval '1s' where id = ?`, key.id);
  await waitUntil(async () => httpStatus(await checkToken(node, text)) === 401);
  await issuers.run(`update signing_key set expire_time = null where id = ?`, key.id);
  await waitUntil(async () => httpStatus(await checkToken(node, text)) === 200);
  await issuers.run(`delete from signing_key where id = ?`, key.id);
  await waitUntil(async () => httpStatus(await checkToken(node, text)) === 401);
});
