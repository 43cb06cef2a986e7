import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Issuer } from '../../src/domain/tokens/issuer.ts';
import { fetchKeySet } from '../../src/identity/verify-tokens/fetch-key-set.ts';
import { RemoteKeySet } from '../../src/identity/verify-tokens/remote-key-set.ts';
import { KeysUnavailable } from '../../src/identity/verify-tokens/verification-keys.ts';
import { IdentityProvider, makeTokenKey } from '../support/identity-provider.ts';

let provider: IdentityProvider;
let clock: number;
let problems: unknown[];

beforeEach(async () => {
  provider = await IdentityProvider.start();
  clock = 0;
  problems = [];
});
afterEach(() => provider.stop());

const issuerAt = (issuer: string, keys: Issuer['keys']): Issuer => {
  const claims = { account: 'sub', plan: undefined, features: undefined, role: undefined, adminRoles: [] };
  const rest = { audiences: ['api'], algorithms: ['EdDSA'], claims, defaultPlanId: undefined, catalogAccounts: false };
  return { id: 'corp', issuer, keys, ...rest };
};
const fetched = () => fetchKeySet(issuerAt(provider.issuer, { kind: 'jwks_uri', uri: provider.jwksUri }));

function remoteKeys(): RemoteKeySet {
  const onFetched = (problem: unknown) => {
    if (problem !== undefined) problems.push(problem);
  };
  return new RemoteKeySet({ fetch: fetched, now: () => clock, onFetched });
}

/** How many keys are found for a header with this `kid`, once that is known. */
async function found(keys: RemoteKeySet, keyId: string | undefined): Promise<number> {
  const header = { algorithm: 'EdDSA', keyId, type: undefined };
  await keys.prepare(header);
  return (await keys.find(header)).length;
}

describe('keys that an issuer publishes', () => {
  it('are fetched once, however many ask at once', async () => {
    const key = await makeTokenKey('EdDSA');
    provider.keys = [key.publicJwk];
    const keys = remoteKeys();
    expect(await Promise.all(Array.from({ length: 100 }, () => found(keys, key.id)))).toEqual(Array(100).fill(1));
    expect(await found(keys, undefined)).toBe(1);
    expect(provider.requests).toBe(1);
  });

  it('rotation: a new one is fetched when a token names it, and who is withdrawn is forgotten', async () => {
    const [before, after] = [await makeTokenKey('EdDSA'), await makeTokenKey('EdDSA')];
    provider.keys = [before.publicJwk];
    const keys = remoteKeys();
    expect(await found(keys, before.id)).toBe(1);
    provider.keys = [after.publicJwk];
    clock += 11_000;
    expect(await found(keys, after.id)).toBe(1);
    expect(await found(keys, before.id)).toBe(0);
  });

  it('rotation: without a token that names a new one they are looked at every few minutes, and nobody waits', async () => {
    const [before, after] = [await makeTokenKey('EdDSA'), await makeTokenKey('EdDSA')];
    provider.keys = [before.publicJwk];
    const keys = remoteKeys();
    await found(keys, before.id);
    provider.keys = [after.publicJwk];
    clock += 6 * 60_000;
    expect(keys.prepare({ algorithm: 'EdDSA', keyId: before.id, type: undefined })).toBeUndefined();
    await expect.poll(() => found(keys, before.id)).toBe(0);
  });

  it('flood of unknown kids: nobody is asked more often than every ten seconds', async () => {
    const key = await makeTokenKey('EdDSA');
    provider.keys = [key.publicJwk];
    const keys = remoteKeys();
    await found(keys, key.id);
    for (let second = 0; second < 30; second++, clock += 1000) {
      const ids = Array.from({ length: 100 }, (_, index) => `made-up-${second}-${index}`);
      expect(await Promise.all(ids.map((id) => found(keys, id)))).toEqual(Array(100).fill(0));
    }
    expect(provider.requests).toBe(3);
    expect(await found(keys, key.id)).toBe(1);
  });

  it('outage: what is known goes on for an hour, and then nothing can be told until they are there again', async () => {
    const key = await makeTokenKey('EdDSA');
    provider.keys = [key.publicJwk];
    const keys = remoteKeys();
    await found(keys, key.id);
    provider.fault = 'error';
    for (let minute = 1; minute < 60; minute++) {
      clock += 60_000;
      expect(await found(keys, key.id)).toBe(1);
    }
    clock += 120_000;
    await expect(found(keys, key.id)).rejects.toThrow(KeysUnavailable);
    const asked = provider.requests;
    await expect(found(keys, key.id)).rejects.toThrow(KeysUnavailable);
    expect(provider.requests).toBe(asked);
    provider.fault = 'none';
    clock += 6_000;
    expect(await found(keys, key.id)).toBe(1);
  });

  it('outage: a key that nobody knows may be a new one, so that it is not said to be wrong', async () => {
    const key = await makeTokenKey('EdDSA');
    provider.keys = [key.publicJwk];
    const keys = remoteKeys();
    await found(keys, key.id);
    provider.fault = 'error';
    clock += 11_000;
    await expect(found(keys, 'perhaps-new')).rejects.toThrow(KeysUnavailable);
    await expect(found(keys, 'perhaps-new')).rejects.toThrow(KeysUnavailable);
    expect(await found(keys, key.id)).toBe(1);
  });

  it.each([
    ['error', 'answered 500'],
    ['redirect', 'fetch failed'],
    ['endless', 'more than 524288 bytes'],
    ['silent', 'timeout'],
  ] as const)(
    'are not had from a server whose fault is %s',
    async (fault, message) => {
      provider.fault = fault;
      await expect(fetched()).rejects.toThrow(message);
    },
    20_000,
  );

  it('are no secrets, which anybody could fetch', async () => {
    const key = await makeTokenKey('EdDSA');
    provider.keys = [{ kty: 'oct', k: 'c2VjcmV0' }, key.publicJwk, { kty: 'oct', k: 'c2VjcmV0', kid: 'x' }];
    expect((await fetched()).keys).toEqual([key.publicJwk]);
  });
});

describe('where keys may be fetched from', () => {
  it.each([
    'http://login.example.com/jwks',
    'http://127.0.0.1.example.com/jwks',
    'http://192.0.2.1/jwks',
    'file:///etc/passwd',
    'data:application/json,{"keys":[]}',
    'jwks',
    '',
    'https://user:password@login.example.com/jwks',
    'https://login.example.com/jwks#fragment',
  ])('not from %j', async (uri) => {
    await expect(fetchKeySet(issuerAt('x', { kind: 'jwks_uri', uri }))).rejects.toThrow(
      /must (be an https URL|not hold a user|have no fragment)/,
    );
  });

  it('discovery tells, if it is the issuer’s own', async () => {
    const { publicJwk } = await makeTokenKey('EdDSA');
    provider.keys = [publicJwk];
    const issuer = issuerAt(provider.issuer, { kind: 'discovery' });
    expect((await fetchKeySet(issuer)).keys).toEqual([publicJwk]);
    provider.claimedIssuer = `${provider.issuer}/other`;
    await expect(fetchKeySet(issuer)).rejects.toThrow('is not of this issuer');
  });
});
