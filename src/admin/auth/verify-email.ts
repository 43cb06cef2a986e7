import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { AccountEntity } from '../../database/entities/account-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { releaseUnverifiedEmail } from '../accounts/account-rows.ts';
import { consumeOneTimeToken, endOneTimeTokens } from './one-time-tokens.ts';

/**
 * Marks the address of a token as verified, and makes it that of the account if the change waited for it. A new account
 * has the password of the sign-up that the token is for. Throws
 * `unauthenticated` if the token does not work (any more), or the account has another address by now.
 */
export async function verifyEmail(token: string, database: Database): Promise<AccountEntity> {
  if (token === '') throw invalidArgument({ field: 'token', description: 'must be set' });
  try {
    return await database.em.fork().transactional(async (em) => {
      const { account, email, passwordHash } = await consumeOneTimeToken(em, 'email_verification', token);
      if (email === null || (email !== account.pendingEmail && email !== account.email)) {
        throw new ApiError({ kind: 'unauthenticated', reason: 'ONE_TIME_TOKEN_INVALID' });
      }
      // Nobody can reset the password by mail to the former address.
      if (email !== account.email) await endOneTimeTokens(em, account.id, 'password_reset');
      await releaseUnverifiedEmail(em, email, account.id);
      // Somebody else may have signed up with the address since, to get in with their password once it is verified.
      if (account.verifyBeforeTime !== null && passwordHash !== null) account.passwordHash = passwordHash;
      em.assign(account, { email, emailVerified: true, verifyBeforeTime: null });
      if (email === account.pendingEmail) account.pendingEmail = null;
      await em.flush();
      return account;
    });
  } catch (error) {
    if (error instanceof UniqueConstraintViolationException) throw new ApiError({ kind: 'email_taken' });
    throw error;
  }
}
