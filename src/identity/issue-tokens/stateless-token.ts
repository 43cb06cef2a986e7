import { SignJWT } from 'jose';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { OWN_ISSUER } from '../../domain/tokens/issuer.ts';
import { STATELESS_TOKEN_TYPE } from '../../domain/tokens/token-claims.ts';
import type { Signer } from './signing-key.ts';

/** What a token says itself, so that nothing in the catalog has to. */
export interface StatelessTokenClaims {
  /** Any name: it need not be in the catalog. */
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

/** A JWT that core/tokens/token-claims.ts reads back. Its times are whole seconds: parts of one are cut off. */
export async function issueStatelessToken(
  { id, algorithm, key }: Signer,
  { accountId, tokenId, issueTime, expireTime, grants }: StatelessTokenClaims,
): Promise<string> {
  return new SignJWT({ weir: grants })
    .setProtectedHeader({ alg: algorithm, kid: id, typ: STATELESS_TOKEN_TYPE })
    .setSubject(accountId)
    .setIssuer(OWN_ISSUER)
    .setAudience(OWN_ISSUER)
    .setJti(tokenId)
    .setIssuedAt(issueTime)
    .setExpirationTime(expireTime)
    .sign(key);
}
