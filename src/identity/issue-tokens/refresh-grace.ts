import type { UsedRefreshToken } from '../../domain/tokens/used-refresh-token.ts';
import { deriveKey, openText, sealText } from '../secrets/aes-gcm.ts';
import type { RefreshToken } from './refresh-token.ts';

/** Time for which a used refresh token gets the same answer again, in ms. */
export const REFRESH_GRACE_MS = 10_000;
/** Used tokens that a session keeps, of the last uses. A client that refreshes more often has their answers already. */
const MAX_USED_TOKENS = 8;
const PURPOSE = 'weir refresh answer v1';

/** Adds a token that was just used to those of its session, and drops those whose grace is over. */
export function addUsedToken(
  used: readonly UsedRefreshToken[],
  token: RefreshToken,
  answer: string,
  now: number,
): readonly UsedRefreshToken[] {
  const digest = encodeDigest(token);
  const sealedAnswer = sealText(deriveKey(token.text, PURPOSE), answer, digest);
  return [...used.filter(hasGrace(now)), { digest, sealedAnswer, usedAt: now }].slice(-MAX_USED_TOKENS);
}

/** Finds the answer that a used token got. undefined: it was not used, or its grace is over. */
export function findAnswer(used: readonly UsedRefreshToken[], token: RefreshToken, now: number): string | undefined {
  const digest = encodeDigest(token);
  const entry = used.filter(hasGrace(now)).find((other) => other.digest === digest);
  return entry && openText(deriveKey(token.text, PURPOSE), entry.sealedAnswer, digest);
}

function hasGrace(now: number): (used: UsedRefreshToken) => boolean {
  return ({ usedAt }) => now - usedAt <= REFRESH_GRACE_MS;
}

function encodeDigest({ tokenDigest }: RefreshToken): string {
  return tokenDigest.toString('base64url');
}
