import { ApiError } from '../../domain/api-error.ts';
import type {
  ConfirmTotpRequest,
  DisableTotpRequest,
  EnrollTotpRequest,
  EnrollTotpResponse,
} from '../../generated/weir/admin/v1/auth_service.ts';
import { formatTotpUri, generateTotpSecret } from '../../identity/secrets/totp.ts';
import { findAccount, lockAccount } from '../accounts/account-rows.ts';
import { NO_TOTP } from '../accounts/no-totp.ts';
import { requireAccountId } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { checkPresentedPassword } from '../fields/passwords.ts';
import type { CallContext } from '../methods/call-context.ts';
import type { AuthParts } from './auth-parts.ts';
import { requirePassword } from './change-password.ts';
import { checkTotpCode, useTotpCode, verifyTotpCode } from './totp-codes.ts';

/** Stores a new secret for the caller's account, which has no effect before it is confirmed. */
export async function enrollTotp(
  { password }: EnrollTotpRequest,
  context: CallContext,
  { database, authenticate, totpSealer, isSealingSecretShared }: AuthParts,
): Promise<EnrollTotpResponse> {
  const id = requireAccountId(await authenticate(context));
  const violations = new FieldViolations();
  checkPresentedPassword(violations, 'password', password);
  violations.throwIfAny();
  const account = await findAccount(database.em.fork(), id);
  await requirePassword(password, account.passwordHash);
  if (!isSealingSecretShared) throw precondition('SIGNING_KEY_SECRET_MISSING', id);
  const secret = generateTotpSecret();
  await database.em.fork().transactional(async (em) => {
    const row = await lockAccount(em, id);
    if (row.totpEnableTime !== null) throw precondition('TOTP_ALREADY_ENABLED', id);
    row.sealedTotpSecret = totpSealer.seal(id, secret);
  });
  return { secret, otpauthUri: formatTotpUri(secret, account.email ?? id) };
}

/** Turns the second factor of the caller's account on. */
export async function confirmTotp({ code }: ConfirmTotpRequest, context: CallContext, parts: AuthParts): Promise<void> {
  const id = requireAccountId(await parts.authenticate(context));
  const violations = new FieldViolations();
  checkTotpCode(violations, 'code', code);
  violations.throwIfAny();
  await parts.database.em.fork().transactional(async (em) => {
    const row = await lockAccount(em, id);
    if (row.totpEnableTime !== null) throw precondition('TOTP_ALREADY_ENABLED', id);
    em.assign(row, { totpLastStep: verifyTotpCode(row, code, parts), totpEnableTime: new Date() });
  });
}

/** Turns the second factor of the caller's account off. */
export async function disableTotp(
  { password, code }: DisableTotpRequest,
  context: CallContext,
  parts: AuthParts,
): Promise<void> {
  const { database, authenticate } = parts;
  const id = requireAccountId(await authenticate(context));
  const violations = new FieldViolations();
  checkPresentedPassword(violations, 'password', password);
  checkTotpCode(violations, 'code', code);
  violations.throwIfAny();
  const account = await findAccount(database.em.fork(), id);
  await requirePassword(password, account.passwordHash);
  if ((await useTotpCode(account, code, parts)) === null) throw precondition('TOTP_NOT_ENROLLED', id);
  await database.em.fork().transactional(async (em) => {
    const row = await lockAccount(em, id);
    const isSame = row.passwordHash === account.passwordHash && row.sealedTotpSecret === account.sealedTotpSecret;
    if (!isSame) throw new ApiError({ kind: 'conflict', name: `accounts/${id}` });
    em.assign(row, NO_TOTP);
  });
}

function precondition(
  reason: 'TOTP_ALREADY_ENABLED' | 'TOTP_NOT_ENROLLED' | 'SIGNING_KEY_SECRET_MISSING',
  id: string,
): ApiError {
  return new ApiError({ kind: 'precondition', reason, name: `accounts/${id}` });
}
