import type { DeactivateAccountRequest } from '../../generated/weir/admin/v1/auth_service.ts';
import { findAccount, lockAccount } from '../accounts/account-rows.ts';
import { isAdministrator, requireOtherAdministrator } from '../accounts/last-administrator.ts';
import { requireAccountId } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { checkPresentedPassword } from '../fields/passwords.ts';
import type { CallContext } from '../methods/call-context.ts';
import { endSessions } from '../sessions/end-sessions.ts';
import type { AuthParts } from './auth-parts.ts';
import { requirePassword } from './change-password.ts';

const REASON = 'deactivated by its holder';

/** Disables the caller's account and ends its sessions, in one transaction. */
export async function deactivateAccount(
  { password }: DeactivateAccountRequest,
  context: CallContext,
  { database, authenticate, accessTokenSeconds }: AuthParts,
): Promise<void> {
  const id = requireAccountId(await authenticate(context));
  const violations = new FieldViolations();
  checkPresentedPassword(violations, 'password', password);
  violations.throwIfAny();
  await requirePassword(password, (await findAccount(database.em.fork(), id)).passwordHash);
  await database.em.fork().transactional(async (em) => {
    const row = await lockAccount(em, id);
    if (isAdministrator(row)) await requireOtherAdministrator(em, id);
    em.assign(row, { disabled: true, disableReason: REASON });
    await em.flush();
    await endSessions(em, { accountId: id }, accessTokenSeconds);
  });
}
