import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../../domain/api-error.ts';
import type { Issuer } from '../../domain/issuers/issuer.ts';
import { looksLikeToken } from '../../domain/tokens/compact-token.ts';
import { tokenStatus, type Verification, type VerifiedToken } from '../../domain/tokens/token.ts';
import type { CachingTokenVerifier } from '../../identity/verify-tokens/caching-token-verifier.ts';

/** Verifies signatures, and knows which tokens are revoked. */
export interface TokenVerificationOptions {
  readonly verifier: Pick<CachingTokenVerifier, 'cached' | 'verify' | 'maxTokenBytes' | 'ownIssuer'>;
  readonly catalog: {
    /** Whether the catalog is so old that revocations may be missing. */
    readonly isTooStale: boolean;
    isRevoked(token: VerifiedToken): boolean;
  };
}

/** A token that a caller has sent. */
export type PresentedToken =
  | {
      readonly kind: 'verified';
      readonly token: VerifiedToken;
      /** Undefined: Weir issued the token. */
      readonly issuer: Issuer | undefined;
      readonly status: 'valid' | 'expired' | 'early' | 'revoked';
    }
  /** The signature proves nothing, or the token expired so long ago that it is no longer verified (`isExpired`). */
  | { readonly kind: 'unverified'; readonly isExpired: boolean };

/**
 * How long to retry while the verifier is unavailable. A Check cannot wait for that, but a caller of the admin API can.
 */
const MAX_WAIT_MS = 5_000;
const RETRY_DELAY_MS = 100;

const UNVERIFIED: PresentedToken = { kind: 'unverified', isExpired: false };

/**
 * Verifies a token and looks up whether it is revoked. Throws `keys_unavailable` or `unavailable` if this is not
 * possible now. `peer` identifies the sender: the verifier queues tokens by sender, so that one cannot crowd out the
 * others. `maxWaitMs` is how long to retry while the verifier is unavailable; 0: one attempt.
 */
export async function verifyPresentedToken(
  text: string,
  peer: string,
  { verifier, catalog }: TokenVerificationOptions,
  maxWaitMs = MAX_WAIT_MS,
): Promise<PresentedToken> {
  if (!looksLikeToken(text, verifier.maxTokenBytes)) return UNVERIFIED;
  if (catalog.isTooStale) throw new ApiError({ kind: 'unavailable' });
  const verification = await verifyPatiently(text, peer, verifier, maxWaitMs);
  if (verification.kind === 'unavailable') throw new ApiError({ kind: 'keys_unavailable' });
  if (verification.kind === 'rejected') {
    return verification.code === 'expired_credential' ? { kind: 'unverified', isExpired: true } : UNVERIFIED;
  }
  const { token, issuer } = verification;
  const status = catalog.isRevoked(token) ? 'revoked' : tokenStatus(token, Date.now());
  return { kind: 'verified', token, issuer, status };
}

/** Retries while the verifier is unavailable: its thread may have just started, or other senders may keep it busy. */
async function verifyPatiently(
  text: string,
  peer: string,
  verifier: TokenVerificationOptions['verifier'],
  maxWaitMs: number,
): Promise<Verification> {
  const deadline = performance.now() + maxWaitMs;
  for (;;) {
    const cached = verifier.cached(text, Date.now());
    const verification = cached ?? (await new Promise<Verification>((resolve) => verifier.verify(text, peer, resolve)));
    if (verification.kind !== 'unavailable' || performance.now() > deadline) return verification;
    await sleep(RETRY_DELAY_MS);
  }
}
