import { AccountEntity } from '../../database/entities/account-entity.ts';
import { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { Caller } from '../callers/caller.ts';
import { parseResourceName } from '../fields/resource-names.ts';

/** An account or an API key whose usage is read. */
export interface UsageOwner {
  readonly accountId: string;
  /** undefined: the account itself. */
  readonly apiKeyId: string | undefined;
  readonly planId: string;
  /** Features of the key, in addition to those of the plan. */
  readonly features: readonly string[];
}

const USAGE_NAME = /^((?:accounts|apiKeys)\/[^/]+)\/usage$/;

/** Finds whose usage a name means. Throws `invalid`, or `not_found` also for those of others. */
export async function findUsageOwner(database: Database, name: string, caller: Caller): Promise<UsageOwner> {
  const [, parent = ''] = USAGE_NAME.exec(name) ?? [];
  const accountId = parseResourceName('accounts', parent);
  const apiKeyId = parseResourceName('apiKeys', parent);
  const em = database.em.fork();
  if (apiKeyId !== undefined) {
    const key = await em.findOne(ApiKeyEntity, { id: apiKeyId, deleteTime: null });
    const account = key && (await em.findOne(AccountEntity, { id: key.accountId, deleteTime: null }));
    if (key === null || account === null || !mayRead(caller, account.id))
      throw new ApiError({ kind: 'not_found', name });
    return { accountId: account.id, apiKeyId, planId: key.planId ?? account.planId, features: key.features };
  }
  if (accountId === undefined) {
    const expected = 'must be a resource name of the form accounts/{id}/usage or apiKeys/{id}/usage';
    throw invalidArgument({ field: 'name', description: withFound(expected, name) });
  }
  const account = mayRead(caller, accountId)
    ? await em.findOne(AccountEntity, { id: accountId, deleteTime: null })
    : null;
  if (account === null) throw new ApiError({ kind: 'not_found', name });
  return { accountId, apiKeyId, planId: account.planId, features: [] };
}

/** Whether a caller may read the usage of an account. */
export function mayRead(caller: Caller, accountId: string): boolean {
  return caller.isAdmin || caller.accountId === accountId;
}
