import type { EntityManager } from '@mikro-orm/postgresql';
import { countApiKeys } from '../../database/statements/api-key-counts.ts';
import { ApiError } from '../../domain/api-error.ts';

/**
 * Runs `write`, which adds keys to accounts, in the transaction of `em`. Throws `too_many_api_keys` if an account then has
 * more keys than before and more than its plan allows. The rows of the accounts must be locked.
 */
export async function withinKeyBounds<Result>(
  em: EntityManager,
  accountIds: readonly string[],
  write: () => Promise<Result>,
): Promise<Result> {
  const before = new Map((await countApiKeys(em, accountIds)).map(({ accountId, count }) => [accountId, count]));
  const result = await write();
  for (const { accountId, count, max } of await countApiKeys(em, accountIds)) {
    if (count <= max || count <= (before.get(accountId) ?? 0)) continue;
    throw new ApiError({ kind: 'too_many_api_keys', name: `accounts/${accountId}`, max });
  }
  return result;
}
