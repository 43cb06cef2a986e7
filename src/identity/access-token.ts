import { randomUUID } from 'node:crypto';
import { errors, exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT } from 'jose';
import type { PrivateJwk } from '../core/private-jwk.ts';

/** A key that signs, and its id. */
export interface SigningKey {
  readonly id: string;
  readonly privateJwk: PrivateJwk;
}

export interface AccessTokenOptions {
  /** The first signs; all of them are accepted. At least one. */
  readonly keys: readonly SigningKey[];
  readonly issuer: string;
  readonly audience: string;
  readonly lifetimeSeconds: number;
}

/** Whom a token was given to, by which sign-in. */
export interface AccessTokenClaims {
  readonly accountId: string;
  readonly sessionId: string;
}

export interface AccessTokens {
  readonly lifetimeSeconds: number;
  issue(claims: AccessTokenClaims): Promise<string>;
  /** Undefined for everything that is not a token of ours in force. */
  verify(token: string): Promise<AccessTokenClaims | undefined>;
}

const ALGORITHM = 'EdDSA';

/** Tokens of ours have about 400 characters; what is longer is refused before it costs anything. */
const LONGEST_TOKEN = 2_048;

export async function generateSigningKey(): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true, crv: 'Ed25519' });
  const { x, d } = await exportJWK(privateKey);
  if (x === undefined || d === undefined) throw new Error('an Ed25519 key was exported without its values');
  return { id: randomUUID(), privateJwk: { kty: 'OKP', crv: 'Ed25519', x, d } };
}

/** Makes and checks access tokens: JWTs that name an account and its session, not what they may do. */
export async function createAccessTokens(options: AccessTokenOptions): Promise<AccessTokens> {
  const { keys, issuer, audience, lifetimeSeconds } = options;
  const [first] = keys;
  if (first === undefined) throw new Error('there is no key to sign access tokens with');
  const signer = await importJWK(first.privateJwk, ALGORITHM);
  const verifiers = new Map(
    await Promise.all(
      keys.map(async ({ id, privateJwk: { d: _private, ...publicJwk } }) => {
        return [id, await importJWK(publicJwk, ALGORITHM)] as const;
      }),
    ),
  );
  const keyNamed = (keyId: string | undefined) => {
    const key = keyId === undefined ? undefined : verifiers.get(keyId);
    if (key === undefined) throw new errors.JWSInvalid('unknown key id');
    return key;
  };
  return {
    lifetimeSeconds,
    issue: ({ accountId, sessionId }) =>
      new SignJWT({ sid: sessionId })
        .setProtectedHeader({ alg: ALGORITHM, kid: first.id, typ: 'at+jwt' })
        .setSubject(accountId)
        .setIssuer(issuer)
        .setAudience(audience)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime(`${lifetimeSeconds}s`)
        .sign(signer),
    verify: async (token) => {
      if (token.length > LONGEST_TOKEN) return undefined;
      try {
        const { payload } = await jwtVerify(token, ({ kid }) => keyNamed(kid), {
          algorithms: [ALGORITHM],
          typ: 'at+jwt',
          issuer,
          audience,
          requiredClaims: ['exp', 'sub', 'sid'],
        });
        if (typeof payload.sid !== 'string' || payload.sub === undefined) return undefined;
        return { accountId: payload.sub, sessionId: payload.sid };
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}
