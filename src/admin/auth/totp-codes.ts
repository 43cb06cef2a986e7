import type { AccountEntity } from '../../database/entities/account-entity.ts';
import { ApiError } from '../../domain/api-error.ts';
import { findTotpStep, isTotpCode } from '../../identity/secrets/totp.ts';
import type { FieldViolations } from '../fields/field-violations.ts';
import type { AuthParts } from './auth-parts.ts';

/** An account with the secret of its second factor. */
export type TotpAccount = Pick<AccountEntity, 'id' | 'sealedTotpSecret' | 'totpEnableTime'>;

type TotpParts = Pick<AuthParts, 'database' | 'totpSealer' | 'log'>;

/** Adds a violation for a text that can be no code. The description never repeats it. */
export function checkTotpCode(violations: FieldViolations, field: string, code: string): void {
  if (!isTotpCode(code)) violations.add(field, 'must be 6 digits');
}

/**
 * Uses a code, which then works no more, and neither do codes of earlier steps. Of calls at once with one code, one succeeds.
 * Returns its step; null: the account has no second factor. Throws `unauthenticated` for a missing, wrong or used code, and
 * `precondition` if this node cannot read the secret.
 */
export async function useTotpCode(account: TotpAccount, code: string, parts: TotpParts): Promise<number | null> {
  if (account.totpEnableTime === null) return null;
  if (code === '') throw new ApiError({ kind: 'unauthenticated', reason: 'TOTP_REQUIRED' });
  const step = verifyTotpCode(account, code, parts);
  const rows = await parts.database.em.fork().execute<object[]>(
    `update account set totp_last_step = ?
     where id = ? and sealed_totp_secret = ? and totp_enable_time is not null and totp_last_step < ?
     returning id`,
    [step, account.id, account.sealedTotpSecret, step],
  );
  if (rows.length === 0) throw invalidCode();
  return step;
}

/** Returns the step of a code. Throws as `useTotpCode` does, but does not know which codes were used. */
export function verifyTotpCode(
  { id, sealedTotpSecret }: TotpAccount,
  code: string,
  { totpSealer, log }: Pick<TotpParts, 'totpSealer' | 'log'>,
): number {
  const name = `accounts/${id}`;
  if (sealedTotpSecret === null) throw new ApiError({ kind: 'precondition', reason: 'TOTP_NOT_ENROLLED', name });
  const secret = totpSealer.open(id, sealedTotpSecret);
  if (secret === undefined) {
    const message =
      'cannot open the secret of a second factor: it was sealed with a different SIGNING_KEY_SECRET, or changed since; ' +
      '`weir reset-totp` removes it';
    log.error({ account: id }, message);
    throw new ApiError({ kind: 'precondition', reason: 'SIGNING_KEY_SECRET_MISSING', name });
  }
  const step = findTotpStep(secret, code, Date.now());
  if (step === undefined) throw invalidCode();
  return step;
}

function invalidCode(): ApiError {
  return new ApiError({ kind: 'unauthenticated', reason: 'TOTP_INVALID' });
}
