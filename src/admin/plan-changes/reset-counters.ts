import type { EntityManager } from '@mikro-orm/postgresql';
import { ApiError } from '../../domain/api-error.ts';
import type { CounterAdmin, HolderSelector } from '../../domain/counting/counter-admin.ts';
import type { PlanHolder } from './plan-holder.ts';

/** The process that decides takes 64 questions at once, from all callers. */
const MAX_CONCURRENT_RESETS = 16;

/**
 * Resets the counters of a holder by the limits of its plan and of the one that it moves to. Those of an account include
 * the counters of its keys that have no plan of their own. Throws `counters_unavailable` if one of them is not reset.
 */
export async function resetCounters(
  counters: CounterAdmin,
  em: EntityManager,
  holder: PlanHolder,
  nextPlanId: string,
): Promise<void> {
  const subjects = await listSubjects(em, holder);
  const planIds = [...new Set([holder.planId, nextPlanId])];
  const selectors = subjects.flatMap((subject) => planIds.map((planId) => ({ ...subject, planId })));
  for (let first = 0; first < selectors.length; first += MAX_CONCURRENT_RESETS) {
    const batch = selectors.slice(first, first + MAX_CONCURRENT_RESETS);
    await Promise.all(batch.map((selector) => resetSubject(counters, selector, holder)));
  }
}

async function listSubjects(em: EntityManager, { collection, id }: PlanHolder): Promise<readonly HolderSelector[]> {
  if (collection === 'apiKeys') return [{ kind: 'api_key', id }];
  // A rotated key and its successor have the same counters.
  const keys = await em.execute<{ id: string }[]>(
    `select distinct on (counter_id) id from api_key
     where account_id = ? and plan_id is null and delete_time is null
       and coalesce(least(expire_time, overlap_end_time), 'infinity') > clock_timestamp()`,
    [id],
  );
  return [{ kind: 'account', id }, ...keys.map((key): HolderSelector => ({ kind: 'api_key', id: key.id }))];
}

async function resetSubject(counters: CounterAdmin, selector: HolderSelector, holder: PlanHolder): Promise<void> {
  const { kind } = await counters.change({ selector, limit: '' }, { kind: 'reset' });
  // A key of the account that the decision process does not know yet has counted nothing.
  const isNewKey = kind === 'unknown_subject' && selector.id !== holder.id;
  // `unknown_limit`: the plan counts nothing.
  if (kind === 'read' || kind === 'unknown_limit' || isNewKey) return;
  throw new ApiError({ kind: 'counters_unavailable' });
}
