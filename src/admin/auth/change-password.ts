import { ApiError } from '../../domain/api-error.ts';
import type { ChangePasswordRequest } from '../../generated/weir/admin/v1/auth_service.ts';
import { hashPassword, verifyPassword } from '../../identity/secrets/password.ts';
import { findAccount, lockAccount } from '../accounts/account-rows.ts';
import { requireAccountId } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { checkNewPassword, checkPresentedPassword } from '../fields/passwords.ts';
import type { CallContext } from '../methods/call-context.ts';
import { endSessions } from '../sessions/end-sessions.ts';
import type { AuthParts } from './auth-parts.ts';
import { endOneTimeTokens } from './one-time-tokens.ts';

/** Replaces the caller's password and ends all other sessions of the account, in one transaction. */
export async function changePassword(
  { currentPassword, newPassword }: ChangePasswordRequest,
  context: CallContext,
  { database, authenticate, accessTokenSeconds }: AuthParts,
): Promise<void> {
  const caller = await authenticate(context);
  const id = requireAccountId(caller);
  const account = await findAccount(database.em.fork(), id);
  const violations = new FieldViolations();
  checkPresentedPassword(violations, 'current_password', currentPassword);
  await checkNewPassword(violations, 'new_password', newPassword, account.email ?? '');
  violations.throwIfAny();
  await requirePassword(currentPassword, account.passwordHash);
  const passwordHash = await hashPassword(newPassword);
  await database.em.fork().transactional(async (em) => {
    const row = await lockAccount(em, id);
    if (row.passwordHash !== account.passwordHash) throw new ApiError({ kind: 'conflict', name: `accounts/${id}` });
    row.passwordHash = passwordHash;
    await em.flush();
    await endSessions(em, { accountId: id, except: caller.sessionId }, accessTokenSeconds);
    await endOneTimeTokens(em, id, 'password_reset');
  });
}

/** Throws `unauthenticated` for a wrong password of a caller who has signed in. An account without a password has no right one. */
export async function requirePassword(password: string, passwordHash: string | null): Promise<void> {
  if (await verifyPassword(password, passwordHash)) return;
  const message = 'the password of the account is wrong';
  throw new ApiError({ kind: 'unauthenticated', reason: 'CREDENTIALS_INVALID', message });
}
