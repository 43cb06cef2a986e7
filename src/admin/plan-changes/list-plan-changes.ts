import type { EntityManager, FilterQuery } from '@mikro-orm/postgresql';
import { ScheduledPlanChangeEntity } from '../../database/entities/scheduled-plan-change-entity.ts';
import type {
  ListPlanChangesRequest,
  ListPlanChangesResponse,
  PlanChange,
} from '../../generated/weir/admin/v1/plan_change.ts';
import type { Caller } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { type FilterField, filterById, filterByTime, readFilter } from '../lists/list-filter.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import { toPlanChangeMessage } from './plan-change-message.ts';
import { findHolders, type HolderCollection } from './plan-holder.ts';

const METHODS: Readonly<Record<HolderCollection, string>> = {
  accounts: 'AccountService/ListPlanChanges',
  apiKeys: 'ApiKeyService/ListPlanChanges',
};

type Condition = FilterQuery<ScheduledPlanChangeEntity>;

const FILTER_FIELDS: Readonly<Record<string, FilterField<Condition>>> = {
  account: filterById('account', 'accounts', (accountId) => ({ accountId })),
  plan: filterById('plan', 'plans', (planId) => ({ planId })),
  effective_time: filterByTime('effective_time', ({ condition }) => ({ effectiveTime: condition })),
};

/** Lists the scheduled changes that the caller may see. Throws `invalid` for an invalid filter or page. */
export async function listPlanChanges(
  em: EntityManager,
  caller: Caller,
  collection: HolderCollection,
  request: ListPlanChangesRequest,
): Promise<ListPlanChangesResponse> {
  const violations = new FieldViolations();
  const { conditions } = readFilter(violations, request.filter, FILTER_FIELDS);
  const page = readPage(violations, { method: METHODS[collection], ids: collection }, request);
  violations.throwIfAny();
  const ofCollection = { apiKeyId: collection === 'accounts' ? null : { $ne: null } };
  const visible = caller.isAdmin ? {} : { accountId: caller.accountId };
  const where = { $and: [{ target: { $gt: `${collection}/${page.after}` } }, ofCollection, visible, ...conditions] };
  const options = { orderBy: { target: 'asc' }, limit: page.size + 1 } as const;
  const rows = await em.find(ScheduledPlanChangeEntity, where, options);
  const { items, nextPageToken } = splitPage(
    rows.map((row) => ({ id: row.target.slice(collection.length + 1), row })),
    page,
  );
  const holders = await findHolders(
    em,
    collection,
    items.map(({ id }) => id),
  );
  const planChanges: PlanChange[] = [];
  for (const { id, row } of items) {
    const holder = holders.get(id);
    if (holder === undefined) continue; // deleted since
    const { planId, resetCounters, effectiveTime, createTime } = row;
    const change = { planId, resetsCounters: resetCounters, effectiveTime, createTime, isApplied: false };
    planChanges.push(toPlanChangeMessage(holder, change));
  }
  return { planChanges, nextPageToken };
}
