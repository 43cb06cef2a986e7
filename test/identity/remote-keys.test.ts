import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Issuer } from '../../src/domain/issuers/issuer.ts';
import { fetchKeySet } from '../../src/identity/verify-tokens/fetch-key-set.ts';
import { KeysUnavailable } from '../../src/identity/verify-tokens/key-resolver.ts';
import { RemoteKeySet } from '../../src/identity/verify-tokens/remote-key-set.ts';
import { IdentityProvider, makeTokenKey } from '../support/servers/identity-provider.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const OPTIONS = { insecureHosts: new Set<string>(), privateHosts: new Set(['127.0.0.1']) };

let provider: IdentityProvider;
/** The clock of the key set, in ms. */
let clock: number;

beforeEach(async () => {
  provider = await IdentityProvider.start();
  clock = 0;
});
afterEach(() => provider.stop());

function makeIssuer(
  issuer: string,
  keys: Issuer['keys'],
  { aliases = [], insecureHttp = false }: Partial<Pick<Issuer, 'aliases' | 'insecureHttp'>> = {},
): Issuer {
  const claims = { account: 'sub', plan: undefined, features: undefined, role: undefined, adminRoles: [] };
  const audience = { audiences: ['api'], audienceClaim: 'aud', requiredClaims: [] } as const;
  const rest = { algorithms: ['EdDSA'], claims, defaultPlanId: undefined, catalogAccounts: false };
  return { id: 'corp', issuer, aliases, keys, insecureHttp, ...audience, ...rest };
}

const fetchKeys = () => fetchKeySet(makeIssuer(provider.issuer, { kind: 'jwks_uri', uri: provider.jwksUri }), OPTIONS);

function makeKeySet(): RemoteKeySet {
  return new RemoteKeySet({ fetch: fetchKeys, now: () => clock, onFetched: () => {}, onFetchFailed: () => {} });
}

/** Prepares the key set for a header with this `kid`, and returns the number of keys that it finds. */
async function countKeys(keys: RemoteKeySet, keyId: string | undefined): Promise<number> {
  const header = { algorithm: 'EdDSA', keyId, type: undefined };
  await keys.prepare(header);
  return (await keys.find(header)).length;
}

describe('the keys that an issuer publishes', () => {
  it('are fetched once, however many tokens need them at the same time', async () => {
    const key = await makeTokenKey('EdDSA');
    provider.keys = [key.publicJwk];
    const keys = makeKeySet();
    const counts = await Promise.all(Array.from({ length: 100 }, () => countKeys(keys, key.id)));
    expect(counts).toEqual(Array(100).fill(1));
    expect(await countKeys(keys, undefined)).toBe(1);
    expect(provider.requests).toBe(1);
  });

  it('are refetched when a token names a new one, and a withdrawn key is forgotten', async () => {
    const [before, after] = [await makeTokenKey('EdDSA'), await makeTokenKey('EdDSA')];
    provider.keys = [before.publicJwk];
    const keys = makeKeySet();
    expect(await countKeys(keys, before.id)).toBe(1);
    provider.keys = [after.publicJwk];
    clock += 11 * SECOND_MS;
    expect(await countKeys(keys, after.id)).toBe(1);
    expect(await countKeys(keys, before.id)).toBe(0);
  });

  it('are refetched every few minutes even if no token names a new one, and no token waits for that', async () => {
    const [before, after] = [await makeTokenKey('EdDSA'), await makeTokenKey('EdDSA')];
    provider.keys = [before.publicJwk];
    const keys = makeKeySet();
    await countKeys(keys, before.id);
    provider.keys = [after.publicJwk];
    clock += 6 * MINUTE_MS;
    expect(keys.prepare({ algorithm: 'EdDSA', keyId: before.id, type: undefined })).toBeUndefined();
    await expect.poll(() => countKeys(keys, before.id)).toBe(0);
  });

  it('are fetched at most every ten seconds, however many tokens name unknown keys', async () => {
    const key = await makeTokenKey('EdDSA');
    provider.keys = [key.publicJwk];
    const keys = makeKeySet();
    await countKeys(keys, key.id);
    for (let second = 0; second < 30; second++, clock += SECOND_MS) {
      const ids = Array.from({ length: 100 }, (_, index) => `made-up-${second}-${index}`);
      expect(await Promise.all(ids.map((id) => countKeys(keys, id)))).toEqual(Array(100).fill(0));
    }
    expect(provider.requests).toBe(3);
    expect(await countKeys(keys, key.id)).toBe(1);
  });

  it('stay in use for an hour while the issuer is down, and are then unavailable until it is up again', async () => {
    const key = await makeTokenKey('EdDSA');
    provider.keys = [key.publicJwk];
    const keys = makeKeySet();
    await countKeys(keys, key.id);
    provider.fault = 'error';
    for (let minute = 1; minute < 60; minute++) {
      clock += MINUTE_MS;
      expect(await countKeys(keys, key.id)).toBe(1);
    }
    clock += 2 * MINUTE_MS;
    await expect(countKeys(keys, key.id)).rejects.toThrow(KeysUnavailable);
    // The failed fetch is not repeated at once.
    const requests = provider.requests;
    await expect(countKeys(keys, key.id)).rejects.toThrow(KeysUnavailable);
    expect(provider.requests).toBe(requests);
    provider.fault = 'none';
    clock += 6 * SECOND_MS;
    expect(await countKeys(keys, key.id)).toBe(1);
  });

  it('do not reject an unknown key while the issuer is down, because it may be new', async () => {
    const key = await makeTokenKey('EdDSA');
    provider.keys = [key.publicJwk];
    const keys = makeKeySet();
    await countKeys(keys, key.id);
    provider.fault = 'error';
    clock += 11 * SECOND_MS;
    await expect(countKeys(keys, 'perhaps-new')).rejects.toThrow(KeysUnavailable);
    await expect(countKeys(keys, 'perhaps-new')).rejects.toThrow(KeysUnavailable);
    expect(await countKeys(keys, key.id)).toBe(1);
  });

  it.each([
    ['error', 'must respond with status 200 (got 500)'],
    ['redirect', 'must not redirect (got 302)'],
    ['endless', 'must respond with at most 524288 bytes'],
    ['silent', 'timeout'],
  ] as const)(
    'cannot be fetched from a server whose fault is %s',
    async (fault, message) => {
      provider.fault = fault;
      await expect(fetchKeys()).rejects.toThrow(message);
    },
    20_000,
  );

  it('never include secrets, because anyone could fetch those', async () => {
    const key = await makeTokenKey('EdDSA');
    provider.keys = [{ kty: 'oct', k: 'c2VjcmV0' }, key.publicJwk, { kty: 'oct', k: 'c2VjcmV0', kid: 'x' }];
    expect((await fetchKeys()).keys).toEqual([key.publicJwk]);
  });
});

describe('the URL of the keys', () => {
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
  ])('must not be %j', async (uri) => {
    await expect(fetchKeySet(makeIssuer('x', { kind: 'jwks_uri', uri }), OPTIONS)).rejects.toThrow(
      /must (be an https URL|not contain a user name|not have a fragment)/,
    );
  });

  it('is found by OIDC discovery, if the configuration names the same issuer or an alias', async () => {
    const { publicJwk } = await makeTokenKey('EdDSA');
    provider.keys = [publicJwk];
    const issuer = makeIssuer(provider.issuer, { kind: 'discovery' });
    expect((await fetchKeySet(issuer, OPTIONS)).keys).toEqual([publicJwk]);
    provider.claimedIssuer = `${provider.issuer}/other`;
    await expect(fetchKeySet(issuer, OPTIONS)).rejects.toThrow(
      `issuer: expected ${provider.issuer}, found ${provider.issuer}/other`,
    );
    const withAlias = makeIssuer(provider.issuer, { kind: 'discovery' }, { aliases: [`${provider.issuer}/other`] });
    expect((await fetchKeySet(withAlias, OPTIONS)).keys).toEqual([publicJwk]);
  });

  it('that discovery finds is described safely if the configuration is of another issuer', async () => {
    const issuer = makeIssuer(provider.issuer, { kind: 'discovery' });
    provider.claimedIssuer = `a\n\u001b[2J${'x'.repeat(100_000)}`;
    const error: unknown = await fetchKeySet(issuer, OPTIONS).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ message: expect.stringContaining('found a\\u000a\\u001b[2Jxxx') });
    expect(String(error).length).toBeLessThan(1_000);
  });
});

describe('an issuer with insecure http', () => {
  /** Not an address of the loopback network, but reaches this machine. */
  const hostUrl = () => provider.issuer.replace('127.0.0.1', '0.0.0.0');
  const port = () => new URL(provider.issuer).port;
  const fetchFrom = (hosts: readonly string[], insecureHttp = true) => {
    const issuer = makeIssuer(hostUrl(), { kind: 'discovery' }, { insecureHttp });
    return fetchKeySet(issuer, { ...OPTIONS, insecureHosts: new Set(hosts) });
  };

  beforeEach(async () => {
    provider.keys = [(await makeTokenKey('EdDSA')).publicJwk];
    provider.claimedIssuer = hostUrl();
    provider.claimedJwksUri = `${hostUrl()}/jwks`;
  });

  it('gets its configuration and its keys over plain http from the hosts that the node allows', async () => {
    expect((await fetchFrom(['0.0.0.0'])).keys).toEqual(provider.keys);
    expect((await fetchFrom([`0.0.0.0:${port()}`])).keys).toEqual(provider.keys);
  });

  it('gets nothing from other hosts or ports, or without the permission of the issuer', async () => {
    for (const hosts of [[], ['0.0.0.0:1'], ['keycloak'], ['0.0.0.0.example.com']]) {
      await expect(fetchFrom(hosts)).rejects.toThrow('must be an https URL');
    }
    await expect(fetchFrom(['0.0.0.0'], false)).rejects.toThrow('must be an https URL');
    expect(provider.requests).toBe(0);
  });

  it('must not be sent to other hosts, nor to this machine, by its configuration', async () => {
    for (const uri of ['http://192.0.2.1/jwks', provider.jwksUri, 'file:///etc/passwd', `${hostUrl()}/jwks#a`]) {
      provider.claimedJwksUri = uri;
      await expect(fetchFrom(['0.0.0.0'])).rejects.toThrow(/jwks_uri: must /);
    }
    expect(provider.requests).toBe(4);
  });
});
