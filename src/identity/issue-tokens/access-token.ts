import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { OWN_AUDIENCE } from '../../domain/issuers/issuer.ts';
import { ACCESS_TOKEN_TYPE } from '../../domain/tokens/token-claims.ts';
import type { Signer } from './signing-key.ts';

/** The account that signed in, and the session that began. */
export interface AccessTokenClaims {
  readonly accountId: string;
  readonly sessionId: string;
}

/**
 * Issues a JWT that names an account and its session. It grants nothing by itself: permissions come from the catalog.
 */
export async function issueAccessToken(
  { id, issuer, algorithm, key }: Signer,
  { accountId, sessionId }: AccessTokenClaims,
  lifetimeSeconds: number,
): Promise<string> {
  return new SignJWT({ sid: sessionId })
    .setProtectedHeader({ alg: algorithm, kid: id, typ: ACCESS_TOKEN_TYPE })
    .setSubject(accountId)
    .setIssuer(issuer)
    .setAudience(OWN_AUDIENCE)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${lifetimeSeconds}s`)
    .sign(key);
}
