import { LockMode } from '@mikro-orm/core';
import { ScheduledPlanChangeEntity } from '../../database/entities/scheduled-plan-change-entity.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { applyPlan, type PlanChangeOptions } from './change-plan.ts';
import { findHolder, type HolderCollection } from './plan-holder.ts';

export interface ApplyOptions extends PlanChangeOptions {
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Bounds the names that one look reads. */
const MAX_DUE = 100;

/**
 * Makes the scheduled changes whose time has come, each in a transaction of its own. Several nodes may do so at the same
 * time: a change is made by the one that locks its account or key first. One that fails stays scheduled. Returns whether
 * none has failed.
 */
export async function applyDuePlanChanges(options: ApplyOptions, signal?: AbortSignal): Promise<boolean> {
  const { database, log } = options;
  const due = await database.em.fork().execute<{ target: string }[]>(
    `select target from scheduled_plan_change where effective_time <= clock_timestamp()
     order by effective_time limit ?`,
    [MAX_DUE],
  );
  let isComplete = true;
  for (const { target } of due) {
    if (signal?.aborted === true) break;
    try {
      const applied = await applyIfDue(target, options);
      if (applied !== undefined) log.info({ target, ...applied }, 'applied a scheduled change of a plan');
    } catch (error) {
      isComplete = false;
      log.warn({ err: error, target }, 'could not apply a scheduled change of a plan; trying again');
    }
  }
  return isComplete;
}

/** Returns what was changed. undefined: nothing, because another transaction has made the change or is about to. */
async function applyIfDue(target: string, { database, counters }: ApplyOptions): Promise<object | undefined> {
  const [collection, id = ''] = target.split('/') as [HolderCollection, string?]; // as `changePlan` writes it
  return database.em.fork().transactional(async (em) => {
    const holder = await findHolder(em, { collection, id }, LockMode.PESSIMISTIC_PARTIAL_WRITE);
    if (holder === undefined) {
      const isDeleted = (await findHolder(em, { collection, id })) === undefined;
      if (isDeleted) await em.nativeDelete(ScheduledPlanChangeEntity, { target });
      return undefined;
    }
    // Read with the lock: another node may have made the change, and a call may have replaced it.
    const change = await em.findOne(
      ScheduledPlanChangeEntity,
      { target, effectiveTime: { $lte: new Date() } },
      { lockMode: LockMode.PESSIMISTIC_WRITE },
    );
    if (change === null) return undefined;
    const { planId, resetCounters } = change;
    em.remove(change);
    await applyPlan(em, holder, { planId, counters: resetCounters ? counters : undefined });
    return { plan: planId, previousPlan: holder.planId, resetCounters };
  });
}
