import type { EntityManager } from '@mikro-orm/postgresql';
import type { PlanEntity } from '../../database/entities/plan-entity.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { CounterAdmin, HolderSelector } from '../../domain/counting/counter-admin.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { advertisedQuota } from '../../domain/limits/limit-status.ts';
import { readCountedLimits } from '../../domain/limits/plan.ts';
import type { PlanLimit } from '../../domain/limits/plan-limit.ts';
import { findHeldLimits, hasSameCounter, type SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';
import type { PreviewPlanResponse, PreviewPlanResponse_Exhausted } from '../../generated/weir/admin/v1/plan_service.ts';

const MAX_CHECKED_KEYS = 400;
const MAX_CHECKED_ACCOUNTS = 100;
const MAX_LISTED = 100;
/** The process that decides takes 64 questions at once, from all callers. */
const MAX_CONCURRENT_READS = 16;

/** The limits of a plan, and those from before edits. */
export type PlanLimits = Pick<PlanEntity, 'limits' | 'supersededLimits'>;

/** An account or an API key on a plan. */
interface Holder extends Pick<HolderSelector, 'kind' | 'id'> {
  readonly supersededPlanLimits: readonly SupersededLimitSpec[];
}

type Counted = PlanLimit & CountedLimit;

/** Says which accounts and keys an update of the limits of a plan touches. `now` is Unix time in ms. */
export async function previewPlan(
  em: EntityManager,
  counters: CounterAdmin,
  { id, ...before }: Pick<PlanEntity, 'id'> & PlanLimits,
  after: PlanLimits,
  now: number,
): Promise<Omit<PreviewPlanResponse, 'warnings'>> {
  const counts = await countHolders(em, id);
  const isTightened = hasTightened(listLimits(before, [], now), listLimits(after, [], now));
  const holders = isTightened ? await sampleHolders(em, id) : [];
  const exhausted: PreviewPlanResponse_Exhausted[] = [];
  for (let first = 0; first < holders.length; first += MAX_CONCURRENT_READS) {
    const batch = holders.slice(first, first + MAX_CONCURRENT_READS);
    const found = await Promise.all(batch.map((holder) => findExhausted(counters, holder, { before, after, now })));
    exhausted.push(...found.filter(({ limits }) => limits.length > 0));
  }
  return {
    ...counts,
    checkedCount: holders.length,
    exhaustedCount: exhausted.length,
    exhausted: exhausted.slice(0, MAX_LISTED),
  };
}

/** All limits of a plan that count a holder, with those that hold as well. */
function listLimits(
  { limits, supersededLimits }: PlanLimits,
  ofHolder: readonly SupersededLimitSpec[],
  now: number,
): readonly Counted[] {
  const current = readCountedLimits(limits);
  const held = findHeldLimits([...supersededLimits, ...ofHolder], current, now);
  return [...current, ...held.map(({ limit }) => limit)];
}

/** Whether a counter would be held to a smaller amount. */
function hasTightened(before: readonly Counted[], after: readonly Counted[]): boolean {
  return after.some((limit) => {
    const former = before.find((other) => hasSameCounter(other, limit));
    return former !== undefined && advertisedQuota(limit).requests < advertisedQuota(former).requests;
  });
}

/** Names the limits that would be used up and are not yet. */
async function findExhausted(
  counters: CounterAdmin,
  { kind, id, supersededPlanLimits }: Holder,
  { before, after, now }: { readonly before: PlanLimits; readonly after: PlanLimits; readonly now: number },
): Promise<PreviewPlanResponse_Exhausted> {
  const limitsBefore = listLimits(before, supersededPlanLimits, now);
  const limitsAfter = listLimits(after, supersededPlanLimits, now);
  const limits = [...limitsBefore, ...limitsAfter];
  const remaining = await readRemaining(counters, { kind, id, limits });
  const exhaustedBefore = findUsedUp(limitsBefore, remaining.slice(0, limitsBefore.length));
  const exhaustedAfter = findUsedUp(limitsAfter, remaining.slice(limitsBefore.length));
  return {
    name: `${kind === 'account' ? 'accounts' : 'apiKeys'}/${id}`,
    limits: [...exhaustedAfter].filter((name) => !exhaustedBefore.has(name)),
  };
}

/** `remaining`: what is left of each limit. */
function findUsedUp(limits: readonly Counted[], remaining: readonly number[]): ReadonlySet<string> {
  return new Set(limits.filter((_, index) => remaining[index] === 0).map(({ name }) => name));
}

/** Reads the rest of each limit of the selector. Empty: the decision process does not know the holder. */
async function readRemaining(counters: CounterAdmin, selector: HolderSelector): Promise<readonly number[]> {
  const reading = await counters.read({ selector, limit: '' });
  if (reading.kind === 'read') return reading.counters.map(({ snapshot }) => snapshot.remaining);
  if (reading.kind === 'unavailable') throw new ApiError({ kind: 'counters_unavailable' });
  return []; // created a moment ago, or deleted
}

/** The keys that count on a plan. Takes its id twice. */
const KEYS_OF_PLAN = `
  api_key key where key.delete_time is null and (key.plan_id = ? or (key.plan_id is null
    and key.account_id in (select id from account where plan_id = ? and delete_time is null)))`;

async function countHolders(em: EntityManager, planId: string) {
  const [counts] = await em.execute<{ accountCount: number; apiKeyCount: number }[]>(
    `select (select count(*)::int from account where plan_id = ? and delete_time is null) as "accountCount",
       (select count(*)::int from ${KEYS_OF_PLAN}) as "apiKeyCount"`,
    [planId, planId, planId],
  );
  return { accountCount: counts?.accountCount ?? 0, apiKeyCount: counts?.apiKeyCount ?? 0 };
}

async function sampleHolders(em: EntityManager, planId: string): Promise<readonly Holder[]> {
  const keys = await em.execute<Omit<Holder, 'kind'>[]>(
    `select id, superseded_plan_limits || case when plan_id is null
         then (select superseded_plan_limits from account where account.id = key.account_id) else '[]' end
         as "supersededPlanLimits"
     from ${KEYS_OF_PLAN} order by key.last_used_time desc nulls last limit ?`,
    [planId, planId, MAX_CHECKED_KEYS],
  );
  const accounts = await em.execute<Omit<Holder, 'kind'>[]>(
    `select id, superseded_plan_limits as "supersededPlanLimits" from account
     where plan_id = ? and delete_time is null order by id limit ?`,
    [planId, MAX_CHECKED_ACCOUNTS],
  );
  return [
    ...keys.map((key): Holder => ({ ...key, kind: 'api_key' })),
    ...accounts.map((account): Holder => ({ ...account, kind: 'account' })),
  ];
}
