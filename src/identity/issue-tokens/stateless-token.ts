import { SignJWT } from 'jose';
import { OWN_AUDIENCE } from '../../domain/issuers/issuer.ts';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { STATELESS_TOKEN_TYPE } from '../../domain/tokens/token-claims.ts';
import type { Signer } from './signing-key.ts';

/** Contents of a stateless token. It carries its permissions itself; the catalog stores nothing about it. */
export interface StatelessTokenClaims {
  /** Any name. The account need not be in the catalog. */
  readonly accountId: string;
  readonly tokenId: string;
  readonly issueTime: Date;
  readonly expireTime: Date;
  readonly grants: {
    readonly plan?: string;
    readonly limits?: readonly PlanLimitSpec[];
    readonly features?: readonly string[];
    readonly role?: 'admin';
  };
}

/**
 * Issues a JWT that domain/tokens/token-claims.ts reads back. Its times are whole seconds: fractions are cut off.
 */
export async function issueStatelessToken(
  { id, issuer, algorithm, key }: Signer,
  { accountId, tokenId, issueTime, expireTime, grants }: StatelessTokenClaims,
): Promise<string> {
  return new SignJWT({ weir: grants })
    .setProtectedHeader({ alg: algorithm, kid: id, typ: STATELESS_TOKEN_TYPE })
    .setSubject(accountId)
    .setIssuer(issuer)
    .setAudience(OWN_AUDIENCE)
    .setJti(tokenId)
    .setIssuedAt(issueTime)
    .setExpirationTime(expireTime)
    .sign(key);
}
