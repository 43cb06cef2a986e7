import type { AccountEntity } from '../../database/entities/account-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { invalidArgument } from '../../domain/api-error.ts';
import type { UpdateAccountRequest } from '../../generated/weir/admin/v1/account_service.ts';
import { endOneTimeTokens } from '../auth/one-time-tokens.ts';
import { requireCurrentEtag } from '../fields/etag.ts';
import { requireResourceName } from '../fields/resource-names.ts';
import { supersedePlan } from '../plan-changes/supersede-plan.ts';
import { endSessions } from '../sessions/end-sessions.ts';
import { EMPTY_ACCOUNT, NOT_DISABLED, readAccountChanges } from './account-fields.ts';
import { lockAccount, writeAccount } from './account-rows.ts';
import { isAdministrator, requireOtherAdministrator } from './last-administrator.ts';

/** Updates an account. Its sessions end if it is disabled or loses its password. */
export async function updateAccount(
  { account = EMPTY_ACCOUNT, updateMask }: UpdateAccountRequest,
  database: Database,
  accessTokenSeconds: number,
): Promise<AccountEntity> {
  const changes = readAccountChanges(account, updateMask);
  const id = requireResourceName('accounts', 'account.name', account.name);
  return writeAccount(database, { ...changes, id }, async (em) => {
    const row = await lockAccount(em, id);
    requireCurrentEtag(account, row);
    const before = { ...row };
    em.assign(row, changes);
    if (row.planId !== before.planId)
      row.supersededPlanLimits = await supersedePlan(em, before, row.planId, Date.now());
    if (row.email !== before.email) {
      em.assign(row, { emailVerified: false, pendingEmail: null });
      // Nobody can verify an address that the holder asked for before, or reset the password by mail to the former one.
      await endOneTimeTokens(em, id);
    }
    if (row.email === null) row.passwordHash = null;
    if (changes.disabled === false && changes.disableReason === undefined) row.disableReason = '';
    if (!row.disabled && row.disableReason !== '') {
      throw invalidArgument({ field: 'account.disable_reason', description: NOT_DISABLED });
    }
    if (isAdministrator(before) && !isAdministrator(row)) await requireOtherAdministrator(em, id);
    const losesPassword = row.passwordHash === null && before.passwordHash !== null;
    if (losesPassword || (row.disabled && !before.disabled))
      await endSessions(em, { accountId: id }, accessTokenSeconds);
    return row;
  });
}
