import { createHmac } from 'node:crypto';
import { importJWK, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { OWN_ALGORITHMS, type OwnAlgorithm, type VerifyingKey } from '../core/token.ts';
import { type AccessTokens, createAccessTokens } from './access-token.ts';
import { ownKeys } from './own-keys.ts';
import { sealerOf } from './sealed-key.ts';
import { generateSigningKey, type SigningKey, signerOf } from './signing-key.ts';

const claims = { accountId: 'account', sessionId: 'session' };
const sealer = sealerOf('a secret of at least 32 characters');
let key: SigningKey;
let tokens: AccessTokens;

/** As the catalog tells of it. */
const verifying = ({ id, algorithm, publicJwk, privateJwk }: SigningKey): VerifyingKey => ({
  id,
  algorithm,
  publicJwk: publicJwk ?? undefined,
  sealedJwk: algorithm === 'HS256' ? sealer.seal({ id, algorithm }, privateJwk) : undefined,
  expiresAt: undefined,
});

async function tokensOf(signing: SigningKey, trusted: readonly VerifyingKey[]): Promise<AccessTokens> {
  const signer = await signerOf(signing.id, signing.algorithm, signing.privateJwk);
  return createAccessTokens({
    signer: () => signer,
    keyOf: ownKeys(() => trusted, sealer),
    lifetimeSeconds: 900,
  });
}

beforeAll(async () => {
  key = await generateSigningKey('EdDSA');
  tokens = await tokensOf(key, [verifying(key)]);
});

interface Forgery {
  readonly signer?: SigningKey;
  readonly header?: object;
  readonly payload?: object;
}

/** A token that is right but for what is given. */
async function forge({ signer = key, header = {}, payload = {} }: Forgery): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const body = { sub: 'account', sid: 'session', iss: 'weir', aud: 'weir', exp: now + 60, ...payload };
  return new SignJWT(body)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: key.id, ...header })
    .sign(await importJWK(signer.privateJwk, 'EdDSA'));
}

test('a token tells the account and the session that it was issued for', async () => {
  expect(await tokens.verify(await tokens.issue(claims))).toEqual(claims);
  expect(await tokens.verify(await forge({}))).toEqual(claims);
});

describe.each([...OWN_ALGORITHMS])('signed with %s', (algorithm: OwnAlgorithm) => {
  test('a token is verified with what the catalog tells of its key', async () => {
    const signing = await generateSigningKey(algorithm);
    const made = await tokensOf(signing, [verifying(signing)]);
    const token = await made.issue(claims);
    expect(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())).toEqual({
      alg: algorithm,
      kid: signing.id,
      typ: 'at+jwt',
    });
    expect(await made.verify(token)).toEqual(claims);
    expect(token.length).toBeLessThan(1000);
  });

  test('nothing of the private key is in the public one', async () => {
    const { privateJwk, publicJwk } = await generateSigningKey(algorithm);
    const isPrivate = ([member]: [string, unknown]) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].includes(member);
    expect(Object.entries(publicJwk ?? {}).filter(isPrivate)).toEqual([]);
    expect(Object.entries(privateJwk).filter(isPrivate)).not.toEqual([]);
  });
});

test('tokens of all keys in force are accepted, of keys that ended or are unknown none', async () => {
  const newer = await generateSigningKey('ES256');
  const rotated = await tokensOf(newer, [verifying(newer), verifying(key)]);
  expect(await rotated.verify(await tokens.issue(claims))).toEqual(claims);
  expect(await tokens.verify(await rotated.issue(claims))).toBeUndefined();
  const later = await tokensOf(newer, [verifying(newer), { ...verifying(key), expiresAt: Date.now() - 1 }]);
  expect(await later.verify(await tokens.issue(claims))).toBeUndefined();
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
  expect(await tokens.verify(await forge({ signer: await generateSigningKey('EdDSA') }))).toBeUndefined();
});

test('no algorithm but the key’s own is taken, not even one signed with the public key as a secret', async () => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const [, payload] = (await tokens.issue(claims)).split('.');
  for (const alg of ['none', 'None', 'NONE', '']) {
    expect(await tokens.verify(`${encode({ alg, typ: 'at+jwt', kid: key.id })}.${payload}.`)).toBeUndefined();
  }
  const signed = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: key.id })}.${payload}`;
  const mac = createHmac('sha256', Buffer.from(String(key.publicJwk?.x), 'base64url'))
    .update(signed)
    .digest('base64url');
  expect(await tokens.verify(`${signed}.${mac}`)).toBeUndefined();
});

test.each(['', 'x', '..', 'a.b.c', 'x'.repeat(100_000)])('a text that is no token is refused', async (text) => {
  expect(await tokens.verify(text)).toBeUndefined();
});
