import { AccountEntity } from '../../database/entities/account-entity.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import type { RequestPasswordResetRequest, ResetPasswordRequest } from '../../generated/weir/admin/v1/auth_service.ts';
import { hashPassword } from '../../identity/secrets/password.ts';
import { isEmail } from '../fields/email.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { checkNewPassword } from '../fields/passwords.ts';
import { endSessions } from '../sessions/end-sessions.ts';
import type { AuthParts } from './auth-parts.ts';
import { consumeOneTimeToken, findOneTimeToken } from './one-time-tokens.ts';
import { padAnswer } from './pad-answer.ts';
import { sendOneTimeToken } from './send-one-time-token.ts';

/** Sends a token to the holder of an account, who has forgotten the password. An unknown address gets the same answer. */
export async function requestPasswordReset(
  { email }: RequestPasswordResetRequest,
  parts: Pick<AuthParts, 'database' | 'eventSealer' | 'log'>,
): Promise<void> {
  if (!isEmail(email)) throw invalidArgument({ field: 'email', description: 'must be an e-mail address' });
  await padAnswer(async () => {
    const where = { email: email.toLowerCase(), disabled: false, deleteTime: null, verifyBeforeTime: null };
    await parts.database.em.fork().transactional(async (em) => {
      const account = await em.findOne(AccountEntity, where);
      if (account?.email == null) return;
      await sendOneTimeToken(em, { kind: 'password_reset', accountId: account.id, email: account.email }, parts);
    });
  });
}

/** Sets a new password and ends all sessions of the account, in one transaction. A rejected password keeps the token. */
export async function resetPassword(
  { resetToken, newPassword }: ResetPasswordRequest,
  { database, accessTokenSeconds }: Pick<AuthParts, 'database' | 'accessTokenSeconds'>,
): Promise<void> {
  const email = resetToken === '' ? '' : await findEmail(database, resetToken);
  const violations = new FieldViolations();
  if (resetToken === '') violations.add('reset_token', 'must be set');
  await checkNewPassword(violations, 'new_password', newPassword, email);
  violations.throwIfAny();
  const passwordHash = await hashPassword(newPassword);
  await database.em.fork().transactional(async (em) => {
    const { account } = await consumeOneTimeToken(em, 'password_reset', resetToken);
    account.passwordHash = passwordHash;
    await em.flush();
    await endSessions(em, { accountId: account.id }, accessTokenSeconds);
  });
}

/** The address of the account that a token belongs to; empty: it has none. */
async function findEmail(database: AuthParts['database'], resetToken: string): Promise<string> {
  const em = database.em.fork();
  const { accountId } = await findOneTimeToken(em, 'password_reset', resetToken);
  const account = await em.findOne(AccountEntity, { id: accountId, deleteTime: null });
  if (account === null) throw new ApiError({ kind: 'unauthenticated', reason: 'ONE_TIME_TOKEN_INVALID' });
  return account.email ?? '';
}
