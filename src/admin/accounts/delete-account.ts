import { ScheduledPlanChangeEntity } from '../../database/entities/scheduled-plan-change-entity.ts';
import { SignInNetworkEntity } from '../../database/entities/sign-in-entities.ts';
import type { Database } from '../../database/open-database.ts';
import { deleteApiKeys } from '../../database/statements/api-key-rows.ts';
import { recordRevocation } from '../../database/statements/record-revocation.ts';
import { requireResourceName } from '../fields/resource-names.ts';
import { endSessions } from '../sessions/end-sessions.ts';
import { maxExpireTime } from '../tokens/token-revocation.ts';
import { lockAccount } from './account-rows.ts';
import { isAdministrator, requireOtherAdministrator } from './last-administrator.ts';
import { NO_TOTP } from './no-totp.ts';

/** Deletes an account with all that gives access in its name. The row stays, because keys, usage and audit refer to it. */
export async function deleteAccount(database: Database, name: string, accessTokenSeconds: number): Promise<void> {
  const id = requireResourceName('accounts', 'name', name);
  await database.em.fork().transactional(async (em) => {
    const row = await lockAccount(em, id);
    if (isAdministrator(row)) await requireOtherAdministrator(em, id);
    const now = new Date();
    const erased = { email: null, pendingEmail: null, emailVerified: false, passwordHash: null, ...NO_TOTP };
    em.assign(row, { deleteTime: now, ...erased });
    await em.nativeDelete(SignInNetworkEntity, { accountId: id });
    await deleteApiKeys(em, id, now);
    await em.nativeDelete(ScheduledPlanChangeEntity, { accountId: id });
    await endSessions(em, { accountId: id }, accessTokenSeconds);
    const revocation = { issuerId: undefined, kind: 'account', value: id, issuedBefore: undefined } as const;
    await recordRevocation(em, { revocation, expireTime: maxExpireTime() });
  });
}
