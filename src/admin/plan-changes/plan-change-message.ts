import { ChangePlanRequest_Counters as Counters, type PlanChange } from '../../generated/weir/admin/v1/plan_change.ts';
import type { PlanHolder } from './plan-holder.ts';

/** A change of a plan, and its times. */
interface DescribedChange {
  readonly planId: string;
  readonly resetsCounters: boolean;
  readonly effectiveTime: Date;
  readonly createTime: Date;
  readonly isApplied: boolean;
}

/** `holder`: the account or API key as it was before the change. */
export function toPlanChangeMessage(
  { name, planId: previousPlanId }: Pick<PlanHolder, 'name' | 'planId'>,
  { planId, resetsCounters, effectiveTime, createTime, isApplied }: DescribedChange,
): PlanChange {
  return {
    name,
    plan: `plans/${planId}`,
    previousPlan: `plans/${previousPlanId}`,
    counters: resetsCounters ? Counters.RESET : Counters.KEEP,
    effectiveTime,
    createTime,
    applied: isApplied,
  };
}
