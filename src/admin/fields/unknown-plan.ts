import { invalidArgument } from '../../domain/api-error.ts';

/** Reports a plan of a request that does not exist. `field` names it. */
export function unknownPlan(planId: string | null | undefined, field = 'plan'): Error {
  return invalidArgument({ field, description: describeUnknownPlan(planId) });
}

export function describeUnknownPlan(planId: string | null | undefined): string {
  return `must be an existing plan (got "plans/${planId}")`;
}
