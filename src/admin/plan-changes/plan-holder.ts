import type { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';

/** The kinds of resources that have a plan. */
export type HolderCollection = 'accounts' | 'apiKeys';

/** An account or an API key, as far as its plan is concerned. */
export interface PlanHolder {
  /** The resource name. */
  readonly name: string;
  readonly id: string;
  readonly collection: HolderCollection;
  /** Written to change the plan. */
  readonly row: AccountEntity | ApiKeyEntity;
  /** The account itself, or that of the key. */
  readonly accountId: string;
  /** The plan that counts now. For a key without a plan of its own, that of its account. */
  readonly planId: string;
  /** Limits of former plans that may hold alongside it. For a key without a plan of its own, also those of its account. */
  readonly supersededPlanLimits: readonly SupersededLimitSpec[];
}

/**
 * Finds an account or an API key that is not deleted. undefined: there is none, or `lockMode` skips it because another
 * transaction holds it.
 */
export async function findHolder(
  em: EntityManager,
  { collection, id }: Pick<PlanHolder, 'collection' | 'id'>,
  lockMode?: LockMode,
): Promise<PlanHolder | undefined> {
  const where = { id, deleteTime: null };
  const options = lockMode === undefined ? {} : { lockMode };
  if (collection === 'accounts') {
    const row = await em.findOne(AccountEntity, where, options);
    return row === null ? undefined : toAccountHolder(row);
  }
  const row = await em.findOne(ApiKeyEntity, where, options);
  return row === null ? undefined : findKeyHolder(em, row);
}

/** Finds the accounts or API keys that are not deleted, by id, with a query for each of the tables. */
export async function findHolders(
  em: EntityManager,
  collection: HolderCollection,
  ids: readonly string[],
): Promise<ReadonlyMap<string, PlanHolder>> {
  const where = { id: { $in: [...ids] }, deleteTime: null };
  if (collection === 'accounts') {
    const rows = await em.find(AccountEntity, where);
    return new Map(rows.map((row) => [row.id, toAccountHolder(row)]));
  }
  const rows = await em.find(ApiKeyEntity, where);
  const accountIds = rows.filter(({ planId }) => planId === null).map(({ accountId }) => accountId);
  // Into the entity manager, where findKeyHolder then finds them without a query.
  await em.find(AccountEntity, { id: { $in: accountIds } });
  const holders = new Map<string, PlanHolder>();
  for (const row of rows) holders.set(row.id, await findKeyHolder(em, row));
  return holders;
}

function toAccountHolder(row: AccountEntity): PlanHolder {
  const { id, planId, supersededPlanLimits } = row;
  return { name: `accounts/${id}`, id, collection: 'accounts', row, accountId: id, planId, supersededPlanLimits };
}

/** Finds the plan of an API key, which may be that of its account. */
export async function findKeyHolder(em: EntityManager, row: ApiKeyEntity): Promise<PlanHolder> {
  const { id, accountId, planId, supersededPlanLimits } = row;
  const common = { name: `apiKeys/${id}`, id, collection: 'apiKeys', row, accountId } as const;
  if (planId !== null) return { ...common, planId, supersededPlanLimits };
  const account = await em.findOneOrFail(AccountEntity, accountId);
  return {
    ...common,
    planId: account.planId,
    supersededPlanLimits: [...supersededPlanLimits, ...account.supersededPlanLimits],
  };
}

/** Finds an account or an API key. Throws `not_found`. */
export async function requireHolder(
  em: EntityManager,
  selected: Pick<PlanHolder, 'collection' | 'id'>,
  lockMode?: LockMode,
): Promise<PlanHolder> {
  const holder = await findHolder(em, selected, lockMode);
  if (holder === undefined) throw new ApiError({ kind: 'not_found', name: `${selected.collection}/${selected.id}` });
  return holder;
}
