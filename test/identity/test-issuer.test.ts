import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findKeyProblem, testIssuer } from '../../src/identity/verify-tokens/test-issuer.ts';
import { IdentityProvider, makeTokenKey, signToken, type TokenKey } from '../support/servers/identity-provider.ts';
import { makeIssuer } from './make-issuer.ts';

const OPTIONS = { insecureHosts: new Set<string>(), privateHosts: new Set(['127.0.0.1']), maxTokenBytes: 16_384 };

let provider: IdentityProvider;
let key: TokenKey;

beforeEach(async () => {
  provider = await IdentityProvider.start();
  key = await makeTokenKey('ES256', 'key-1');
  provider.keys = [key.publicJwk];
});
afterEach(() => provider.stop());

const sign = (claims: object = {}, header: object = {}) =>
  signToken(key, { iss: provider.issuer, ...claims }, { ...header });

describe('the test of an issuer', () => {
  it('takes the steps that a token of the issuer takes', async () => {
    const token = await sign({ plan: 'pro', scope: 'a b' });
    expect(await testIssuer(makeIssuer(provider), token, OPTIONS)).toEqual([
      { step: 'DISCOVERY', ok: true, message: `jwks_uri: found ${provider.jwksUri}` },
      { step: 'KEYS', ok: true, message: `found 1 in ${provider.jwksUri}: kid [key-1]` },
      { step: 'TOKEN', ok: true, message: 'valid: account corp:ann, plan pro, features [a, b]' },
    ]);
    expect(await testIssuer(makeIssuer(provider, { jwksUri: provider.jwksUri }), '', OPTIONS)).toMatchObject([
      { step: 'KEYS', ok: true },
    ]);
    const jwks = { keys: [{ ...key.publicJwk, kty: 'EC' }] };
    expect(await testIssuer(makeIssuer(provider, { jwks }), token, OPTIONS)).toMatchObject([
      { step: 'KEYS', ok: true, message: 'found 1 in the catalog: kid [key-1]' },
      { step: 'TOKEN', ok: true },
    ]);
  });

  it('says that discovery names another issuer, and checks the claims of the token all the same', async () => {
    provider.claimedIssuer = `${provider.issuer}/`;
    const configuration = `${provider.issuer}/.well-known/openid-configuration`;
    expect(await testIssuer(makeIssuer(provider), await sign(), OPTIONS)).toEqual([
      {
        step: 'DISCOVERY',
        ok: false,
        message: `${configuration}: issuer: expected ${provider.issuer}, found ${provider.issuer}/`,
      },
      { step: 'KEYS', ok: false, message: 'not fetched, because discovery failed' },
      {
        step: 'TOKEN',
        ok: false,
        message: 'signature: not verified, because the keys are unavailable; everything before it is right',
      },
    ]);
    const steps = await testIssuer(makeIssuer(provider), await sign({ iss: `${provider.issuer}/` }), OPTIONS);
    expect(steps[2]).toEqual({
      step: 'TOKEN',
      ok: false,
      message: `iss: expected ${provider.issuer}, found ${provider.issuer}/`,
    });
  });

  it('fetches each time, past all caches', async () => {
    const issuer = makeIssuer(provider);
    await testIssuer(issuer, '', OPTIONS);
    key = await makeTokenKey('ES256', 'key-2');
    provider.keys = [key.publicJwk];
    expect(await testIssuer(issuer, await sign(), OPTIONS)).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    expect(provider.requests).toBe(4);
  });

  it('says what is wrong with the keys', async () => {
    const testKeys = async () =>
      (await testIssuer(makeIssuer(provider, { jwksUri: provider.jwksUri }), '', OPTIONS))[0];
    provider.keys = [];
    expect(await testKeys()).toEqual({ step: 'KEYS', ok: false, message: 'must have at least one public key' });
    provider.keys = [(await makeTokenKey('EdDSA')).publicJwk];
    expect(await testKeys()).toEqual({
      step: 'KEYS',
      ok: false,
      message: 'must have a key for ES256 (found 1 others)',
    });
    provider.fault = 'error';
    expect(await testKeys()).toMatchObject({ ok: false, message: expect.stringContaining('status 200 (got 500)') });
    provider.fault = 'redirect';
    expect(await testKeys()).toMatchObject({ ok: false, message: expect.stringContaining('redirect') });
  });

  it.each<readonly [string, object, object, RegExp]>([
    ['audience', { aud: 'web' }, {}, /^aud: expected api, found web$/],
    ['expiry', { exp: 1_000 }, {}, /^exp: the token expired at 1970/],
    ['beginning', { nbf: 4e9, exp: 5e9 }, {}, /^nbf: the token is not valid before 2096/],
    ['key', {}, { kid: 'key-9' }, /^kid: expected key-1, found key-9$/],
    ['account', { sub: undefined }, {}, /^sub \(account\): expected .*, found nothing$/],
    ['type of header', {}, { jku: 'https://x' }, /^header: must not have jwk, jku/],
  ])('says what differs in the %s of the token', async (_, claims, header, message) => {
    const steps = await testIssuer(makeIssuer(provider), await sign(claims, header), OPTIONS);
    expect(steps[2]).toEqual({ step: 'TOKEN', ok: false, message: expect.stringMatching(message) });
  });

  it('recognises a forged signature', async () => {
    const forger = await makeTokenKey('ES256', 'key-1');
    const steps = await testIssuer(makeIssuer(provider), await signToken(forger, { iss: provider.issuer }), OPTIONS);
    expect(steps[2]).toMatchObject({ ok: false, message: expect.stringMatching(/^signature: is not by the key/) });
  });

  it('never repeats the token, whatever it is', async () => {
    for (const token of [
      'garbage-of-a-secret',
      `a.b.${'secret'.repeat(10_000)}`,
      'wk_live_secret',
      'a.b.c',
      'a.b.c.d.e',
    ]) {
      const steps = await testIssuer(makeIssuer(provider), token, OPTIONS);
      expect(steps[2]).toMatchObject({ step: 'TOKEN', ok: false, message: expect.stringMatching(/^token: /) });
      expect(JSON.stringify(steps)).not.toContain(token.slice(0, 12));
    }
    const token = await sign({ aud: 'web' });
    const text = JSON.stringify(await testIssuer(makeIssuer(provider), token, OPTIONS));
    for (const part of token.split('.')) expect(text).not.toContain(part);
  });
});

describe('the check of the keys of an issuer', () => {
  it('finds no problem if Weir can get them', async () => {
    expect(await findKeyProblem(makeIssuer(provider), OPTIONS)).toBeUndefined();
  });

  it('says why Weir cannot get them, and ends with its signal', async () => {
    provider.claimedIssuer = 'https://other';
    expect(await findKeyProblem(makeIssuer(provider), OPTIONS)).toContain(
      `expected ${provider.issuer}, found https://other`,
    );
    provider.fault = 'silent';
    expect(await findKeyProblem(makeIssuer(provider), { ...OPTIONS, signal: AbortSignal.timeout(200) })).toContain(
      'timeout',
    );
  });
});
