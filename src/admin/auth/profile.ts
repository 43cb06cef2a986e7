import type { AccountEntity } from '../../database/entities/account-entity.ts';
import { Account } from '../../generated/weir/admin/v1/account.ts';
import type { UpdateProfileRequest } from '../../generated/weir/admin/v1/auth_service.ts';
import { lockAccount, writeAccount } from '../accounts/account-rows.ts';
import { requireAccountId } from '../callers/caller.ts';
import { checkDisplayName, readUpdateMask } from '../fields/common-fields.ts';
import { isPlainEmail } from '../fields/email.ts';
import { requireCurrentEtag } from '../fields/etag.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import type { CallContext } from '../methods/call-context.ts';
import type { AuthParts } from './auth-parts.ts';
import { endOneTimeTokens } from './one-time-tokens.ts';
import { sendOneTimeToken } from './send-one-time-token.ts';

/** Stands for the account of a request that has none: no field is set. */
const EMPTY_ACCOUNT = Account.create();

/** Updates the caller's account. In the mode `verified` an address waits for its verification. */
export async function updateProfile(
  { account = EMPTY_ACCOUNT, updateMask }: UpdateProfileRequest,
  context: CallContext,
  parts: AuthParts,
): Promise<AccountEntity> {
  const { database, authenticate, registration } = parts;
  const id = requireAccountId(await authenticate(context));
  const { displayName, email } = readChanges(account, updateMask);
  return writeAccount(database, { id, ...(email !== undefined && { email }) }, async (em) => {
    const row = await lockAccount(em, id);
    requireCurrentEtag({ name: `accounts/${id}`, etag: account.etag }, row);
    if (displayName !== undefined) row.displayName = displayName;
    if (email === undefined) return row;
    const before = row.email;
    const isWaiting = setEmail(row, email, registration === 'verified');
    // Nobody can verify an address that the account no longer waits for, or reset the password by mail to the former one.
    await endOneTimeTokens(em, id, row.email === before ? 'email_verification' : undefined);
    if (isWaiting) await sendOneTimeToken(em, { kind: 'email_verification', accountId: id, email }, parts);
    return row;
  });
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
