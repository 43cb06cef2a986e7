import { randomUUID } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { OWN_ALGORITHMS, OWN_ISSUER } from '../core/token.ts';
import type { KeyOf } from './own-keys.ts';
import type { Signer } from './signing-key.ts';

export interface AccessTokenOptions {
  /** What signs now. */
  signer(): Signer;
  readonly keyOf: KeyOf;
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

/** Tokens of ours have 400 to 700 characters; what is longer is refused before it costs anything. */
const LONGEST_TOKEN = 2_048;

/** As RFC 9068 names them. */
const TYPE = 'at+jwt';

/** Makes and checks access tokens: JWTs that name an account and its session, not what they may do. */
export function createAccessTokens({ signer, keyOf, lifetimeSeconds }: AccessTokenOptions): AccessTokens {
  const keyNamed = ({ kid, alg }: { readonly kid?: string | undefined; readonly alg?: string | undefined }) => {
    const key = keyOf(kid, alg);
    if (key === undefined) throw new errors.JWSInvalid('no key of ours in force');
    return key;
  };
  return {
    lifetimeSeconds,
    issue: async ({ accountId, sessionId }) => {
      const { id, algorithm, key } = signer();
      return new SignJWT({ sid: sessionId })
        .setProtectedHeader({ alg: algorithm, kid: id, typ: TYPE })
        .setSubject(accountId)
        .setIssuer(OWN_ISSUER)
        .setAudience(OWN_ISSUER)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime(`${lifetimeSeconds}s`)
        .sign(key);
    },
    verify: async (token) => {
      if (token.length > LONGEST_TOKEN) return undefined;
      try {
        const { payload } = await jwtVerify(token, keyNamed, {
          algorithms: [...OWN_ALGORITHMS],
          typ: TYPE,
          issuer: OWN_ISSUER,
          audience: OWN_ISSUER,
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
