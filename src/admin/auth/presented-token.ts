import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../../domain/api-error.ts';
import { mayBeToken } from '../../domain/tokens/compact-token.ts';
import type { Issuer } from '../../domain/tokens/issuer.ts';
import type { Revocation, TokenRecord, Verification } from '../../domain/tokens/token.ts';
import { tokenStatus } from '../../domain/tokens/token-status.ts';
import type { TokenVerifier } from '../../identity/verify-tokens/token-verifier.ts';

/** What verifies tokens, and which of them the catalog says were revoked. */
export interface TokenParts {
  readonly verifier: Pick<TokenVerifier, 'cached' | 'verify'>;
  readonly catalog: {
    /** What it tells may have been revoked since. */
    readonly isTooStale: boolean;
    isRevoked(token: TokenRecord): boolean;
  };
}

/** Whose a token is, and how it stands. */
export type PresentedToken =
  | {
      readonly kind: 'cached';
      readonly token: TokenRecord;
      /** undefined: a token of our own. */
      readonly issuer: Issuer | undefined;
      readonly standing: 'valid' | 'expired' | 'early' | 'revoked';
    }
  /** Its signature proves nothing; or it has expired so long ago that nobody looks at it any more. */
  | { readonly kind: 'unknown'; readonly isExpired: boolean };

const UNKNOWN: PresentedToken = { kind: 'unknown', isExpired: false };

/** Throws `keys_unavailable` or `unavailable` where it cannot be told now. `peer` tells senders apart, so that one leaves room for others. */
export async function presentedToken(text: string, peer: string, parts: TokenParts): Promise<PresentedToken> {
  if (!mayBeToken(text)) return UNKNOWN;
  if (parts.catalog.isTooStale) throw new ApiError({ kind: 'unavailable' });
  const verification = await verificationOf(text, peer, parts.verifier);
  if (verification.kind === 'unavailable') throw new ApiError({ kind: 'keys_unavailable' });
  if (verification.kind === 'bad') {
    return verification.code === 'expired_credential' ? { kind: 'unknown', isExpired: true } : UNKNOWN;
  }
  const { token, issuer } = verification;
  const standing = parts.catalog.isRevoked(token) ? 'revoked' : tokenStatus(token, Date.now());
  return { kind: 'cached', token, issuer, standing };
}

/** Tokens that are to be refused, and when the last of them has expired by itself. */
export interface RevokedTokens {
  readonly revocation: Revocation;
  readonly expireTime: Date;
}

/** What ends one token before its time; undefined: it has no `jti` to be told by. */
export function tokenRevocation({ issuerId, tokenId, expiresAt }: TokenRecord): RevokedTokens | undefined {
  if (tokenId === undefined) return undefined;
  const revocation = { issuerId, kind: 'token', value: tokenId, issuedBefore: undefined } as const;
  return { revocation, expireTime: new Date(expiresAt) };
}

/** ms: a Check cannot wait for a thread that has just started or that others keep busy, but who calls this API can. */
const PATIENCE_MS = 5_000;
const BETWEEN_MS = 100;

async function verificationOf(text: string, peer: string, verifier: TokenParts['verifier']): Promise<Verification> {
  const latest = performance.now() + PATIENCE_MS;
  for (;;) {
    const known = verifier.cached(text, Date.now());
    const verification = known ?? (await new Promise<Verification>((resolve) => verifier.verify(text, peer, resolve)));
    if (verification.kind !== 'unavailable' || performance.now() > latest) return verification;
    await sleep(BETWEEN_MS);
  }
}
