import { randomUUID } from 'node:crypto';
import { ForeignKeyConstraintViolationException, UniqueConstraintViolationException } from '@mikro-orm/core';
import { type EntityManager, LockMode } from '@mikro-orm/postgresql';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { type RegisterRequest, RegisterResponse } from '../../generated/weir/admin/v1/auth_service.ts';
import { hashPassword } from '../../identity/secrets/password.ts';
import { toAccountMessage } from '../accounts/account-message.ts';
import { NO_TOTP } from '../accounts/no-totp.ts';
import { checkDisplayName } from '../fields/common-fields.ts';
import { isPlainEmail } from '../fields/email.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { checkNewPassword } from '../fields/passwords.ts';
import type { CallContext } from '../methods/call-context.ts';
import type { AuthParts } from './auth-parts.ts';
import { padAnswer } from './pad-answer.ts';
import { sendOneTimeToken } from './send-one-time-token.ts';

/** The plan of accounts that sign up. */
const PLAN_ID = 'free';
/** Time to verify the address of a new account. After that the account is deleted. */
const VERIFICATION_DAYS = 7;

/** The columns of an account that its holder sets. */
type SignUpFields = Pick<AccountEntity, 'displayName' | 'passwordHash'> & { readonly email: string };

/** Creates an account. In the mode `verified`, nobody learns whether the address had one already. */
export async function signUp(
  request: RegisterRequest,
  context: CallContext,
  parts: AuthParts,
): Promise<RegisterResponse> {
  if (parts.registration === 'closed') throw new ApiError({ kind: 'registration_closed' });
  await checkRequest(request);
  if (parts.registration === 'verified') {
    await padAnswer(async () => createUnverified(await toFields(request), parts));
    return RegisterResponse.create();
  }
  const account = await createAccount(parts.database, await toFields(request));
  const tokens = await parts.sessions.start(account, context);
  return { account: toAccountMessage(account), ...tokens };
}

async function checkRequest({ email, password, displayName }: RegisterRequest): Promise<void> {
  const violations = new FieldViolations();
  if (!isPlainEmail(email)) violations.add('email', 'must be an e-mail address of at most 254 characters');
  await checkNewPassword(violations, 'password', password, email);
  checkDisplayName(violations, 'display_name', displayName);
  violations.throwIfAny();
}

async function toFields({ email, password, displayName }: RegisterRequest): Promise<SignUpFields> {
  return { email: email.toLowerCase(), displayName, passwordHash: await hashPassword(password) };
}

/** Throws `email_taken` if another account has the address. */
function createAccount(database: Database, fields: SignUpFields): Promise<AccountEntity> {
  return database.em.fork().transactional((em) => insertAccount(em, fields, null));
}

/** Throws `email_taken` if another account has the address. */
async function insertAccount(
  em: EntityManager,
  fields: SignUpFields,
  verifyBeforeTime: Date | null,
): Promise<AccountEntity> {
  const account = em.create(AccountEntity, {
    ...fields,
    id: randomUUID(),
    role: 'user',
    planId: PLAN_ID,
    verifyBeforeTime,
    ...NO_TOTP,
  });
  try {
    await em.flush();
  } catch (error) {
    if (error instanceof UniqueConstraintViolationException) throw new ApiError({ kind: 'email_taken' });
    if (!(error instanceof ForeignKeyConstraintViolationException)) throw error;
    throw new ApiError({ kind: 'precondition', reason: 'REGISTRATION_PLAN_MISSING', name: `plans/${PLAN_ID}` });
  }
  return account;
}

/** Creates an account that waits for the verification of its address, or replaces the password of one that waits. */
async function createUnverified(fields: SignUpFields, parts: AuthParts): Promise<void> {
  const verifyBeforeTime = new Date(Date.now() + VERIFICATION_DAYS * 86_400_000);
  try {
    await parts.database.em.fork().transactional(async (em) => {
      const accountId =
        (await replaceUnverified(em, fields, verifyBeforeTime)) ??
        (await insertAccount(em, fields, verifyBeforeTime)).id;
      await sendOneTimeToken(em, { kind: 'email_verification', accountId, email: fields.email }, parts);
    });
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason.kind !== 'email_taken') throw error;
  }
  await parts.refresh(); // here, because it takes longer for a new account
}

/**
 * Replaces password and name of an account that waits for the verification of its address. Tokens of earlier sign-ups
 * keep the password of theirs: the sign-up whose token is used has the account. Returns its id; undefined: there is none.
 */
async function replaceUnverified(
  em: EntityManager,
  { email, ...fields }: SignUpFields,
  verifyBeforeTime: Date,
): Promise<string | undefined> {
  const where = { email, verifyBeforeTime: { $ne: null } };
  const account = await em.findOne(AccountEntity, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (account === null) return undefined;
  em.assign(account, { ...fields, verifyBeforeTime });
  await em.flush();
  return account.id;
}
