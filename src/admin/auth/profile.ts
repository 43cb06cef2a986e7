import type { AccountEntity } from '../../database/entities/account-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { Account } from '../../generated/weir/admin/v1/account.ts';
import type { UpdateProfileRequest } from '../../generated/weir/admin/v1/auth_service.ts';
import { findAccount, lockAccount, writeAccount } from '../accounts/account-rows.ts';
import { requireAccountId } from '../callers/caller.ts';
import { checkDisplayName, readUpdateMask } from '../fields/common-fields.ts';
import { isPlainEmail } from '../fields/email.ts';
import { requireCurrentEtag } from '../fields/etag.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { checkPresentedPassword } from '../fields/passwords.ts';
import type { CallContext } from '../methods/call-context.ts';
import type { AuthParts } from './auth-parts.ts';
import { requirePassword } from './change-password.ts';
import { endOneTimeTokens } from './one-time-tokens.ts';
import { sendOneTimeToken } from './send-one-time-token.ts';

/** Stands for the account of a request that has none: no field is set. */
const EMPTY_ACCOUNT = Account.create();

/**
 * Updates the caller's account. A new address needs the password, and in the mode `verified` it waits for its verification.
 */
export async function updateProfile(
  { account = EMPTY_ACCOUNT, updateMask, currentPassword }: UpdateProfileRequest,
  context: CallContext,
  parts: AuthParts,
): Promise<AccountEntity> {
  const { database, authenticate, registration } = parts;
  const id = requireAccountId(await authenticate(context));
  const { displayName, email } = readChanges(account, updateMask);
  const passwordHash = email === undefined ? undefined : await checkPassword(database, { id, email, currentPassword });
  return writeAccount(database, { id, ...(email !== undefined && { email }) }, async (em) => {
    const row = await lockAccount(em, id);
    requireCurrentEtag({ name: `accounts/${id}`, etag: account.etag }, row);
    if (displayName !== undefined) row.displayName = displayName;
    if (email === undefined) return row;
    // Address or password have changed since the password was checked.
    const isUnchecked = email !== row.email && row.passwordHash !== passwordHash;
    if (isUnchecked) throw new ApiError({ kind: 'conflict', name: `accounts/${id}` });
    const before = row.email;
    const isWaiting = setEmail(row, email, registration === 'verified');
    // Nobody can verify an address that the account no longer waits for, or reset the password by mail to the former one.
    await endOneTimeTokens(em, id, row.email === before ? 'email_verification' : undefined);
    if (isWaiting) await sendOneTimeToken(em, { kind: 'email_verification', accountId: id, email }, parts);
    return row;
  });
}

/**
 * Throws unless the address stays or the password is right. The holder of an address can reset the password, and a stolen
 * session must not suffice for that. Returns the hash of the password; undefined: the address stays.
 */
async function checkPassword(
  database: Database,
  { id, email, currentPassword }: { readonly id: string; readonly email: string; readonly currentPassword: string },
): Promise<string | null | undefined> {
  const account = await findAccount(database.em.fork(), id);
  if (email === account.email) return undefined;
  const violations = new FieldViolations();
  checkPresentedPassword(violations, 'current_password', currentPassword);
  violations.throwIfAny();
  await requirePassword(currentPassword, account.passwordHash);
  return account.passwordHash;
}

/** The values that an update sets: those that its mask names, or without a mask those that are set. */
function readChanges(account: Account, updateMask: string): { readonly displayName?: string; readonly email?: string } {
  const violations = new FieldViolations();
  const { displayName, email } = account;
  const updated = readUpdateMask(violations, updateMask, { displayName: displayName !== '', email: email !== '' });
  if (updated.has('displayName')) checkDisplayName(violations, 'account.display_name', displayName);
  if (updated.has('email') && !isPlainEmail(email)) {
    violations.add('account.email', 'must be an e-mail address of at most 254 characters');
  }
  violations.throwIfAny();
  return {
    ...(updated.has('displayName') && { displayName }),
    ...(updated.has('email') && { email: email.toLowerCase() }),
  };
}

/** Changes the address, or notes which one waits for its verification. Returns whether one waits. */
function setEmail(row: AccountEntity, email: string, needsVerification: boolean): boolean {
  const isNew = email !== row.email;
  const isWaiting = isNew && needsVerification;
  row.pendingEmail = isWaiting ? email : null;
  if (isNew && !needsVerification) {
    row.email = email;
    row.emailVerified = false;
  }
  return isWaiting;
}
