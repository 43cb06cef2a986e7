import { createHmac } from 'node:crypto';
import { importJWK, SignJWT } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { type AccessTokens, createAccessTokens, generateSigningKey, type SigningKey } from './access-token.ts';

const claims = { accountId: 'account', sessionId: 'session' };
const fixed = { issuer: 'weir', audience: 'weir-admin', lifetimeSeconds: 900 };
let key: SigningKey;
let tokens: AccessTokens;

beforeAll(async () => {
  key = await generateSigningKey();
  tokens = await createAccessTokens({ keys: [key], ...fixed });
});

interface Forgery {
  readonly signer?: SigningKey;
  readonly header?: object;
  readonly payload?: object;
}

/** A token that is right but for what is given. */
async function forge({ signer = key, header = {}, payload = {} }: Forgery): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const body = { sub: 'account', sid: 'session', iss: 'weir', aud: 'weir-admin', exp: now + 60, ...payload };
  return new SignJWT(body)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: key.id, ...header })
    .sign(await importJWK(signer.privateJwk, 'EdDSA'));
}

test('a token tells the account and the session that it was issued for', async () => {
  expect(await tokens.verify(await tokens.issue(claims))).toEqual(claims);
  expect(await tokens.verify(await forge({}))).toEqual(claims);
});

test('all keys are accepted, the first signs', async () => {
  const newer = await generateSigningKey();
  const rotated = await createAccessTokens({ keys: [newer, key], ...fixed });
  expect(await rotated.verify(await tokens.issue(claims))).toEqual(claims);
  expect(await tokens.verify(await rotated.issue(claims))).toBeUndefined();
});

test.each<[string, Forgery]>([
  ['another issuer', { payload: { iss: 'other' } }],
  ['another audience', { payload: { aud: 'other' } }],
  ['no issuer', { payload: { iss: undefined } }],
  ['no audience', { payload: { aud: undefined } }],
  ['no expiry', { payload: { exp: undefined } }],
  ['an expiry that is past', { payload: { exp: 1 } }],
  ['no account', { payload: { sub: undefined } }],
  ['no session', { payload: { sid: undefined } }],
  ['a session that is no text', { payload: { sid: 7 } }],
  ['another type', { header: { typ: 'JWT' } }],
  ['an unknown key id', { header: { kid: 'other' } }],
  ['no key id', { header: { kid: undefined } }],
])('a token with %s is refused', async (_, forgery) => {
  expect(await tokens.verify(await forge(forgery))).toBeUndefined();
});

test('a token signed with another key under our key’s id is refused', async () => {
  expect(await tokens.verify(await forge({ signer: await generateSigningKey() }))).toBeUndefined();
});

test('no algorithm but EdDSA is taken, not even one signed with the public key as a secret', async () => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const [, payload] = (await tokens.issue(claims)).split('.');
  for (const alg of ['none', 'None', 'NONE', '']) {
    expect(await tokens.verify(`${encode({ alg, typ: 'at+jwt', kid: key.id })}.${payload}.`)).toBeUndefined();
  }
  const signed = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: key.id })}.${payload}`;
  const mac = createHmac('sha256', Buffer.from(key.privateJwk.x, 'base64url')).update(signed).digest('base64url');
  expect(await tokens.verify(`${signed}.${mac}`)).toBeUndefined();
});

test.each(['', 'x', '..', 'a.b.c', 'x'.repeat(100_000)])('a text that is no token is refused', async (text) => {
  expect(await tokens.verify(text)).toBeUndefined();
});

test('without a key nothing is issued', async () => {
  await expect(createAccessTokens({ keys: [], ...fixed })).rejects.toThrow('no key to sign');
});
