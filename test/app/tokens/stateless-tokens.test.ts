import { exportJWK } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { becomesTrue } from '../../counters/redis/waiting.ts';
import { newDatabase } from '../../support/databases.ts';
import { addedHeaders, check, httpStatus, parseDenial } from '../../support/decision-calls.ts';
import { IssuerTable, makeTokenKey, signToken, type TokenKey } from '../../support/identity-provider.ts';
import { TestNode } from '../../support/node.ts';

const SIGNING_KEY_SECRET = 'a secret of the tests, long enough';
let node: TestNode;
let table: IssuerTable;
let key: TokenKey;

beforeAll(async () => {
  const url = await newDatabase();
  node = await TestNode.start({ DATABASE_URL: url, SIGNING_KEY_SECRET });
  table = await IssuerTable.open(url);
  key = await makeTokenKey('EdDSA');
  await table.addSigningKey(SIGNING_KEY_SECRET, key, await exportJWK(key.privateKey), key.publicJwk);
  await becomesTrue(async () => httpStatus(await ask(await token({ plan: 'enterprise' }))) === 200);
});
afterAll(async () => {
  await table?.close();
  await node?.stop();
});

const token = (weir: object, claims: object = {}) =>
  signToken(key, { iss: 'weir', aud: 'weir', sub: 'anybody', weir, ...claims }, { typ: 'weir+jwt' });
const ask = (text: string, extensions: Record<string, string> = {}) =>
  check(node.decision, { authorization: `Bearer ${text}` }, extensions);
const limits = [{ name: 'own', requests: 2, window: '60s', onStoreFailure: 'deny' }];

it('a token with limits of its own and no plan is charged these, for itself alone', async () => {
  const [one, other] = [await token({ limits }), await token({ limits })];
  const answer = await ask(one);
  expect(addedHeaders(answer)).toMatchObject({ 'ratelimit-policy': '"own";q=2;w=60', 'x-ratelimit-remaining': '1' });
  expect(answer.dynamicMetadata).toMatchObject({ account: 'anybody' });
  expect(answer.dynamicMetadata).not.toHaveProperty('plan');
  expect(httpStatus(await ask(one))).toBe(200);
  expect(parseDenial(await ask(one))?.code).toBe('rate_limited');
  expect(httpStatus(await ask(other))).toBe(200);
});

it('a token with a plan and limits is charged both in one decision, the plan’s for its account', async () => {
  const sub = 'with both';
  const [one, other] = [await token({ plan: 'free', limits }, { sub }), await token({ plan: 'free' }, { sub })];
  const answer = await ask(one);
  expect(addedHeaders(answer)['ratelimit-policy']).toBe('"minute";q=60;w=60, "day";q=1000;w=86400, "own";q=2;w=60');
  expect(answer.dynamicMetadata).toMatchObject({ account: sub, plan: 'free' });
  await ask(one);
  expect(httpStatus(await ask(one))).toBe(429);
  expect(addedHeaders(await ask(other))['x-ratelimit-remaining']).toBe('57');
});

it('limits of some routes count these alone, and cost what the route does', async () => {
  const text = await token({ limits: [{ ...limits[0], requests: 10, routes: ['export'] }], plan: 'enterprise' });
  expect(addedHeaders(await ask(text))).not.toHaveProperty('x-ratelimit-remaining');
  const costly = await ask(text, { 'weir.route': 'export', 'weir.cost': '4' });
  expect(addedHeaders(costly)['x-ratelimit-remaining']).toBe('6');
});

it('a token with neither plan nor limits, or on a plan that is not known, is refused', async () => {
  for (const weir of [{}, { features: ['export'] }, { plan: 'gone' }, { plan: 'gone', limits }]) {
    expect(parseDenial(await ask(await token(weir)))?.code).toBe('unknown_credential');
  }
});

it('features of the token count beside the plan’s', async () => {
  const able = await token({ plan: 'free', features: ['export'] });
  expect(httpStatus(await ask(able, { 'weir.require': 'export' }))).toBe(200);
  expect(parseDenial(await ask(able, { 'weir.require': 'export,bulk' }))?.code).toBe('missing_feature');
});

it('is refused once its key has expired or is gone, however well known it is', async () => {
  const text = await token({ plan: 'enterprise' });
  expect(httpStatus(await ask(text))).toBe(200);
  await table.run(`update signing_key set expire_time = now() - interval '1s' where id = ?`, key.id);
  await becomesTrue(async () => httpStatus(await ask(text)) === 401);
  await table.run(`update signing_key set expire_time = null where id = ?`, key.id);
  await becomesTrue(async () => httpStatus(await ask(text)) === 200);
  await table.run(`delete from signing_key where id = ?`, key.id);
  await becomesTrue(async () => httpStatus(await ask(text)) === 401);
});
