import type { EntityManager } from '@mikro-orm/postgresql';
import { PlanEntity } from '../../database/entities/plan-entity.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { CounterAdmin, CounterState } from '../../domain/counting/counter-admin.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { advertisedQuota, isTimed } from '../../domain/limits/limit-status.ts';
import { readCountedLimits } from '../../domain/limits/plan.ts';
import { type PlanLimit, toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { findHeldLimits } from '../../domain/limits/superseded-limit.ts';
import {
  LimitPreview_Continuation as Continuation,
  type LimitPreview,
  type PreviewPlanChangeRequest,
  type PreviewPlanChangeResponse,
} from '../../generated/weir/admin/v1/plan_change.ts';
import { toLimitMessage } from '../fields/limits-and-features.ts';
import { unknownPlan } from '../fields/unknown-plan.ts';
import { findPeriodEnd, type PlanChangeOptions } from './change-plan.ts';
import { readPlanChange } from './plan-change-fields.ts';
import { type HolderCollection, type PlanHolder, requireHolder } from './plan-holder.ts';
import { supersedePlan } from './supersede-plan.ts';

type Counted = PlanLimit & CountedLimit;

/** Says for each limit of another plan what a holder would begin with. */
export async function previewPlanChange(
  collection: HolderCollection,
  request: PreviewPlanChangeRequest,
  { database, counters }: PlanChangeOptions,
): Promise<PreviewPlanChangeResponse> {
  const { id, planId, isAtPeriodEnd, resetsCounters } = readPlanChange(collection, request);
  const em = database.em.fork();
  const holder = await requireHolder(em, { collection, id });
  const plan = await em.findOne(PlanEntity, planId);
  if (plan === null) throw unknownPlan(planId);
  const next = readCountedLimits(plan.limits);
  const present = readCountedLimits((await em.findOne(PlanEntity, holder.planId))?.limits ?? []);
  const effectiveTime = isAtPeriodEnd ? await findPeriodEnd(em, holder) : new Date();
  const held = await findHeld(em, holder, plan, effectiveTime.getTime());
  const limits = [...present, ...next, ...held];
  const states = await readCounters(counters, holder, limits);
  const usedByName = new Map(states.slice(0, present.length).map((state) => [state.limit.name, countUsed(state)]));
  const counting = states.slice(present.length);
  const previews = next.map((limit) => {
    // A limit that the present plan lacks may have a counter: the holder may have had the plan before.
    const kept = resetsCounters ? [] : counting.filter((state) => state.limit.name === limit.name);
    return previewLimit(limit, kept, { used: usedByName.get(limit.name) ?? 0, effectiveTime });
  });
  return { limits: previews, effectiveTime, presentPlan: `plans/${holder.planId}` };
}

/** The limits that would hold alongside those of the plan. `now` is Unix time in ms. */
async function findHeld(
  em: EntityManager,
  holder: PlanHolder,
  plan: PlanEntity,
  now: number,
): Promise<readonly Counted[]> {
  const superseded = [...plan.supersededLimits, ...(await supersedePlan(em, holder, plan.id, now))];
  return findHeldLimits(superseded, readCountedLimits(plan.limits), now).map(({ limit }) => limit);
}

/** Reads the counter of each limit, in their order. Throws `counters_unavailable`. */
async function readCounters(
  counters: CounterAdmin,
  { collection, id }: Pick<PlanHolder, 'collection' | 'id'>,
  limits: readonly Counted[],
): Promise<readonly CounterState[]> {
  if (limits.length === 0) return [];
  const kind = collection === 'accounts' ? 'account' : 'api_key';
  const reading = await counters.read({ selector: { kind, id, limits }, limit: '' });
  if (reading.kind !== 'read') throw new ApiError({ kind: 'counters_unavailable' });
  return reading.counters;
}

/** `counters`: its own, and those of the limits that hold alongside it. Empty: it continues nothing. */
function previewLimit(
  limit: Counted,
  counters: readonly CounterState[],
  { used, effectiveTime }: { readonly used: number; readonly effectiveTime: Date },
): LimitPreview {
  const continued = counters.filter((counter) => !isFreeAt(counter, effectiveTime));
  const quota = advertisedQuota(limit).requests;
  // Administrators may have added credits.
  const whole = isTimed(limit) ? quota : (counters[0]?.snapshot.remaining ?? quota);
  return {
    limit: toLimitMessage(toPlanLimitSpec(limit)),
    used,
    remaining: Math.min(whole, ...continued.map(({ snapshot }) => snapshot.remaining)),
    continuation: continued.length === 0 ? Continuation.STARTS_AT_ZERO : Continuation.CONTINUES,
  };
}

function countUsed({ limit, snapshot }: CounterState): number {
  return Math.max(0, advertisedQuota(limit).requests - snapshot.remaining);
}

/** Whether nothing that is used now counts at that time. */
function isFreeAt(counter: CounterState, time: Date): boolean {
  const { resetAt } = counter.snapshot;
  if (!isTimed(counter.limit)) return countUsed(counter) === 0;
  return resetAt === undefined || resetAt <= time.getTime();
}
