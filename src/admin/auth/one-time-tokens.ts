import { type EntityManager, LockMode } from '@mikro-orm/postgresql';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import { OneTimeTokenEntity, type OneTimeTokenKind } from '../../database/entities/sign-in-entities.ts';
import { ApiError } from '../../domain/api-error.ts';
import { digestOneTimeToken, generateOneTimeToken } from '../../identity/secrets/one-time-token.ts';

/** A token to create. */
export interface NewOneTimeToken {
  readonly kind: OneTimeTokenKind;
  readonly accountId: string;
  /** The address that the token verifies; null: it verifies none. */
  readonly email: string | null;
  readonly lifetimeSeconds: number;
}

/** Creates a token and returns it. It is stored nowhere: the database has only its digest. */
export async function createOneTimeToken(
  em: EntityManager,
  { lifetimeSeconds, ...token }: NewOneTimeToken,
): Promise<{ readonly text: string; readonly expireTime: Date }> {
  const { text, tokenDigest } = generateOneTimeToken();
  const expireTime = new Date(Date.now() + lifetimeSeconds * 1000);
  const passwordHash = token.kind === 'email_verification' ? await findWaitingPassword(em, token.accountId) : null;
  em.create(OneTimeTokenEntity, { ...token, tokenDigest, passwordHash, expireTime });
  await em.flush();
  return { text, expireTime };
}

/**
 * The password of an account that waits for the verification of its address. A later sign-up with the address must not
 * change what a token verifies. Null: the account does not wait.
 */
async function findWaitingPassword(em: EntityManager, accountId: string): Promise<string | null> {
  const account = await em.findOne(AccountEntity, accountId);
  return account === null || account.verifyBeforeTime === null ? null : account.passwordHash;
}

/** The meaning of an unused token. */
export interface ValidToken extends Pick<NewOneTimeToken, 'accountId' | 'email'> {
  /** The password that the account has once the token is used; null: the one that it has by then. */
  readonly passwordHash: string | null;
}

/** Finds the meaning of a token, without using it. Throws `unauthenticated` if it is unknown, used or expired. */
export async function findOneTimeToken(em: EntityManager, kind: OneTimeTokenKind, text: string): Promise<ValidToken> {
  const tokenDigest = digestOneTimeToken(text);
  if (tokenDigest === undefined) throw invalidToken();
  const where = { tokenDigest, kind, useTime: null, expireTime: { $gt: new Date() } };
  const row = await em.findOne(OneTimeTokenEntity, where);
  if (row === null) throw invalidToken();
  return row;
}

/**
 * Uses a token, and makes the account's other tokens of the same kind useless. Of concurrent calls with one token, one
 * succeeds. Call it first in the transaction that makes the change, because it locks the account. Throws
 * `unauthenticated` for an unknown, used or expired token, and `account_disabled`.
 */
export async function consumeOneTimeToken(
  em: EntityManager,
  kind: OneTimeTokenKind,
  text: string,
): Promise<Pick<ValidToken, 'email' | 'passwordHash'> & { readonly account: AccountEntity }> {
  const { accountId, email, passwordHash } = await findOneTimeToken(em, kind, text);
  const where = { id: accountId, deleteTime: null };
  const account = await em.findOne(AccountEntity, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (account === null) throw invalidToken();
  if (account.disabled) throw new ApiError({ kind: 'account_disabled' });
  const unused = { tokenDigest: digestOneTimeToken(text) ?? null, useTime: null };
  if ((await em.nativeUpdate(OneTimeTokenEntity, unused, { useTime: new Date() })) === 0) throw invalidToken();
  await endOneTimeTokens(em, accountId, kind);
  return { account, email, passwordHash };
}

/** Makes the unused tokens of an account useless. `kind` undefined: those of all kinds. */
export async function endOneTimeTokens(em: EntityManager, accountId: string, kind?: OneTimeTokenKind): Promise<void> {
  const where = { accountId, useTime: null, ...(kind !== undefined && { kind }) };
  await em.nativeDelete(OneTimeTokenEntity, where);
}

function invalidToken(): ApiError {
  return new ApiError({ kind: 'unauthenticated', reason: 'ONE_TIME_TOKEN_INVALID' });
}
