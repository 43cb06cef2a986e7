import { createLocalJWKSet, importJWK, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { OWN_ALGORITHMS, type OwnAlgorithm } from '../../domain/tokens/token.ts';
import { issueAccessToken } from './access-token.ts';
import { buildPublicKeySet, createSigner, generateSigningKey, type SigningKey } from './signing-key.ts';

const claims = { accountId: 'account', sessionId: 'session' };

/** The key as another verifier gets it: from the published key set, or the secret itself for HS256. */
async function getVerificationKey(key: SigningKey) {
  if (key.publicJwk === null) return importJWK({ ...key.privateJwk }, key.algorithm);
  const trusted = { ...key, publicJwk: key.publicJwk, sealedJwk: undefined, expiresAt: undefined };
  const { keys } = buildPublicKeySet({ issuers: [], keys: [trusted] }, Date.now());
  return createLocalJWKSet({ keys: keys.map((jwk) => ({ ...jwk })) });
}

describe.each([...OWN_ALGORITHMS])('an access token signed with %s', (algorithm: OwnAlgorithm) => {
  it('names the account and the session that it was issued for', async () => {
    const key = await generateSigningKey(algorithm);
    const token = await issueAccessToken(await createSigner(key, 'https://weir.example'), claims, 900);
    expect(token.length).toBeLessThan(1000);
    const verificationKey = await getVerificationKey(key);
    const options = { issuer: 'https://weir.example', audience: 'weir', typ: 'at+jwt', algorithms: [algorithm] };
    // Two calls because jwtVerify has an overload for each type of key.
    const { payload, protectedHeader } =
      typeof verificationKey === 'function'
        ? await jwtVerify(token, verificationKey, options)
        : await jwtVerify(token, verificationKey, options);
    expect(protectedHeader).toEqual({ alg: algorithm, kid: key.id, typ: 'at+jwt' });
    expect(payload).toMatchObject({ sub: 'account', sid: 'session', jti: expect.any(String) });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
  });

  it('has a public key without any member of the private key', async () => {
    const { privateJwk, publicJwk } = await generateSigningKey(algorithm);
    const isPrivate = ([member]: [string, unknown]) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].includes(member);
    expect(Object.entries(publicJwk ?? {}).filter(isPrivate)).toEqual([]);
    expect(Object.entries(privateJwk).filter(isPrivate)).not.toEqual([]);
  });
});
