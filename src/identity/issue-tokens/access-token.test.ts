import { createLocalJWKSet, importJWK, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { OWN_ALGORITHMS, type OwnAlgorithm } from '../../domain/tokens/token.ts';
import { issueAccessToken } from './access-token.ts';
import { publicKeySet } from './public-keys.ts';
import { createSigner, generateSigningKey, type SigningKey } from './signing-key.ts';

const claims = { accountId: 'account', sessionId: 'session' };

const keyOf = async (key: SigningKey) => {
  if (key.publicJwk === null) return importJWK({ ...key.privateJwk }, key.algorithm);
  const trusted = { ...key, publicJwk: key.publicJwk, sealedJwk: undefined, expiresAt: undefined };
  const { keys } = publicKeySet({ issuers: [], keys: [trusted] }, Date.now());
  return createLocalJWKSet({ keys: keys.map((each) => ({ ...each })) });
};

describe.each([...OWN_ALGORITHMS])('signed with %s', (algorithm: OwnAlgorithm) => {
  test('a token tells the account and the session that it was issued for', async () => {
    const key = await generateSigningKey(algorithm);
    const token = await issueAccessToken(await createSigner(key.id, algorithm, key.privateJwk), claims, 900);
    expect(token.length).toBeLessThan(1000);
    const verifying = await keyOf(key);
    const options = { issuer: 'weir', audience: 'weir', typ: 'at+jwt', algorithms: [algorithm] };
    const { payload, protectedHeader } =
      typeof verifying === 'function'
        ? await jwtVerify(token, verifying, options)
        : await jwtVerify(token, verifying, options);
    expect(protectedHeader).toEqual({ alg: algorithm, kid: key.id, typ: 'at+jwt' });
    expect(payload).toMatchObject({ sub: 'account', sid: 'session', jti: expect.any(String) });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
  });

  test('nothing of the private key is in the public one', async () => {
    const { privateJwk, publicJwk } = await generateSigningKey(algorithm);
    const isPrivate = ([member]: [string, unknown]) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].includes(member);
    expect(Object.entries(publicJwk ?? {}).filter(isPrivate)).toEqual([]);
    expect(Object.entries(privateJwk).filter(isPrivate)).not.toEqual([]);
  });
});
