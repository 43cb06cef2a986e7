import type { EntityManager } from '@mikro-orm/postgresql';
import { PlanEntity } from '../../database/entities/plan-entity.ts';
import { type SupersededLimitSpec, supersedeLimits } from '../../domain/limits/superseded-limit.ts';
import type { PlanHolder } from './plan-holder.ts';

/**
 * Returns the limits of former plans that hold alongside those of a holder's next plan if it moves there at `now` (Unix
 * time in ms): those of its present plan, and all that held until then.
 */
export async function supersedePlan(
  em: EntityManager,
  { planId, supersededPlanLimits }: Pick<PlanHolder, 'planId' | 'supersededPlanLimits'>,
  nextPlanId: string,
  now: number,
): Promise<readonly SupersededLimitSpec[]> {
  const present = await em.findOne(PlanEntity, planId);
  const next = await em.findOne(PlanEntity, nextPlanId);
  const stored = [...supersededPlanLimits, ...(present?.supersededLimits ?? [])];
  return supersedeLimits(present?.limits ?? [], next?.limits ?? [], stored, now);
}
