import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { PlanEntity } from '../../database/entities/plan-entity.ts';
import { ScheduledPlanChangeEntity } from '../../database/entities/scheduled-plan-change-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { lockReferences } from '../../database/statements/api-key-rows.ts';
import type { CounterAdmin } from '../../domain/counting/counter-admin.ts';
import { findPlanPeriodEnd } from '../../domain/counting/plan-period.ts';
import { readCountedLimits } from '../../domain/limits/plan.ts';
import type { ChangePlanRequest, PlanChange } from '../../generated/weir/admin/v1/plan_change.ts';
import { flushOrConflict, requireCurrentEtag } from '../fields/etag.ts';
import { unknownPlan } from '../fields/unknown-plan.ts';
import { readPlanChange, type WantedPlanChange } from './plan-change-fields.ts';
import { toPlanChangeMessage } from './plan-change-message.ts';
import { type HolderCollection, type PlanHolder, requireHolder } from './plan-holder.ts';
import { resetCounters } from './reset-counters.ts';
import { supersedePlan } from './supersede-plan.ts';

export interface PlanChangeOptions {
  readonly database: Database;
  readonly counters: CounterAdmin;
}

/** Moves an account or an API key to another plan, or schedules that. Replaces a change that is scheduled. */
export async function changePlan(
  collection: HolderCollection,
  request: ChangePlanRequest,
  { database, counters }: PlanChangeOptions,
): Promise<PlanChange> {
  const wanted = readPlanChange(collection, request);
  return database.em.fork().transactional(async (em) => {
    const holder = await requireHolder(em, { collection, id: wanted.id }, LockMode.PESSIMISTIC_WRITE);
    requireCurrentEtag(request, holder.row);
    const { planIds } = await lockReferences(em, { accountIds: [], planIds: [wanted.planId] });
    if (!planIds.has(wanted.planId)) throw unknownPlan(wanted.planId);
    await em.nativeDelete(ScheduledPlanChangeEntity, { target: holder.name });
    if (wanted.isAtPeriodEnd) return schedule(em, holder, wanted);
    const isDryRun = request.validateOnly === true;
    const { planId, resetsCounters } = wanted;
    await applyPlan(em, holder, { planId, counters: resetsCounters && !isDryRun ? counters : undefined });
    const now = new Date();
    return toPlanChangeMessage(holder, { ...wanted, effectiveTime: now, createTime: now, isApplied: true });
  });
}

/**
 * Writes the plan of a holder whose row is locked. `counters`: those to reset. The transaction fails with them, so that a
 * plan never changes without them. undefined: nothing is reset, and the limits of the former plan hold for a time.
 */
export async function applyPlan(
  em: EntityManager,
  holder: PlanHolder,
  { planId, counters }: { readonly planId: string; readonly counters: CounterAdmin | undefined },
): Promise<void> {
  const superseded = counters === undefined ? await supersedePlan(em, holder, planId, Date.now()) : [];
  em.assign(holder.row, { planId, supersededPlanLimits: superseded });
  await flushOrConflict(em, holder.name);
  if (counters !== undefined) await resetCounters(counters, em, holder, planId);
}

/** The end of the current period of the plan of a holder. */
export async function findPeriodEnd(em: EntityManager, { planId }: PlanHolder): Promise<Date> {
  const plan = await em.findOne(PlanEntity, planId);
  return new Date(findPlanPeriodEnd(readCountedLimits(plan?.limits ?? []), Date.now()));
}

async function schedule(
  em: EntityManager,
  holder: PlanHolder,
  { planId, resetsCounters }: WantedPlanChange,
): Promise<PlanChange> {
  const { name, id, collection, accountId } = holder;
  const times = { effectiveTime: await findPeriodEnd(em, holder), createTime: new Date() };
  em.create(ScheduledPlanChangeEntity, {
    target: name,
    accountId,
    apiKeyId: collection === 'apiKeys' ? id : null,
    planId,
    resetCounters: resetsCounters,
    ...times,
  });
  await em.flush();
  return toPlanChangeMessage(holder, { planId, resetsCounters, ...times, isApplied: false });
}
