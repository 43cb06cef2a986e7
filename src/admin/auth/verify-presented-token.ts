import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../../domain/api-error.ts';
import { looksLikeToken } from '../../domain/tokens/compact-token.ts';
import type { Issuer } from '../../domain/tokens/issuer.ts';
import type { Revocation, VerifiedToken, Verification } from '../../domain/tokens/token.ts';
import { tokenStatus } from '../../domain/tokens/token-status.ts';
import type { TokenVerifier } from '../../identity/verify-tokens/token-verifier.ts';

/** What verifies tokens, and which of them the catalog says were revoked. */
export interface TokenVerification {
  readonly verifier: Pick<TokenVerifier, 'cached' | 'verify'>;
  readonly catalog: {
    /** What it tells may have been revoked since. */
    readonly isTooStale: boolean;
    isRevoked(token: VerifiedToken): boolean;
  };
}

/** Whose a token is, and how it stands. */
export type PresentedToken =
  | {
      readonly kind: 'cached';
      readonly token: VerifiedToken;
      /** undefined: a token of our own. */
      readonly issuer: Issuer | undefined;
      readonly status: 'valid' | 'expired' | 'early' | 'revoked';
    }
  /** Its signature proves nothing; or it has expired so long ago that nobody looks at it any more. */
  | { readonly kind: 'unknown'; readonly isExpired: boolean };

const UNKNOWN: PresentedToken = { kind: 'unknown', isExpired: false };

/** Throws `keys_unavailable` or `unavailable` where it cannot be told now. `peer` tells senders apart, so that one leaves room for others. */
export async function verifyPresentedToken(
  text: string,
  peer: string,
  parts: TokenVerification,
): Promise<PresentedToken> {
  if (!looksLikeToken(text)) return UNKNOWN;
  if (parts.catalog.isTooStale) throw new ApiError({ kind: 'unavailable' });
  const verification = await verificationOf(text, peer, parts.verifier);
  if (verification.kind === 'unavailable') throw new ApiError({ kind: 'keys_unavailable' });
  if (verification.kind === 'bad') {
    return verification.code === 'expired_credential' ? { kind: 'unknown', isExpired: true } : UNKNOWN;
  }
  const { token, issuer } = verification;
  const status = parts.catalog.isRevoked(token) ? 'revoked' : tokenStatus(token, Date.now());
  return { kind: 'cached', token, issuer, status };
}

/** Tokens that are to be refused, and when the last of them has expired by itself. */
export interface ExpiringRevocation {
  readonly revocation: Revocation;
  readonly expireTime: Date;
}

/** What ends one token before its time; undefined: it has no `jti` to be told by. */
export function toTokenRevocation({ issuerId, tokenId, expiresAt }: VerifiedToken): ExpiringRevocation | undefined {
  if (tokenId === undefined) return undefined;
  const revocation = { issuerId, kind: 'token', value: tokenId, issuedBefore: undefined } as const;
  return { revocation, expireTime: new Date(expiresAt) };
}

/** ms: a Check cannot wait for a thread that has just started or that others keep busy, but who calls this API can. */
const PATIENCE_MS = 5_000;
const BETWEEN_MS = 100;

async function verificationOf(
  text: string,
  peer: string,
  verifier: TokenVerification['verifier'],
): Promise<Verification> {
  const latest = performance.now() + PATIENCE_MS;
  for (;;) {
    const known = verifier.cached(text, Date.now());
    const verification = known ?? (await new Promise<Verification>((resolve) => verifier.verify(text, peer, resolve)));
    if (verification.kind !== 'unavailable' || performance.now() > latest) return verification;
    await sleep(BETWEEN_MS);
  }
}
