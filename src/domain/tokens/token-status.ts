import type { TokenRecord } from './token.ts';

/** ms that the clocks of who issues and who verifies may differ by. */
const SKEW = 30_000;

/** Whether a token is in force at `now` (Unix time in ms), by its own times alone. */
export function tokenStatus(
  { notBefore, expiresAt }: Pick<TokenRecord, 'notBefore' | 'expiresAt'>,
  now: number,
): 'valid' | 'expired' | 'early' {
  if (now >= expiresAt + SKEW) return 'expired';
  return notBefore !== undefined && now < notBefore - SKEW ? 'early' : 'valid';
}
