import { readLines, writeLines } from '../../format/lines.ts';
import type { PlanJson } from '../../generated/weir/admin/v1/plan_service_pb.js';
import { type LimitForm, toLimit, toLimitForm } from '../../ui/limits/limit-form.ts';

/** A plan as it is typed. The names are those of the plan's fields. */
export interface PlanForm {
  readonly displayName: string;
  readonly limits: readonly LimitForm[];
  /** One per line. */
  readonly features: string;
  /** Empty: any number. */
  readonly maxApiKeys: string;
  /** Empty: any number. */
  readonly maxDevices: string;
}

/** A new plan: with one limit, because a plan needs one. */
export const NEW_PLAN_FORM: PlanForm = toPlanForm({ limits: [{ name: 'minute', requests: 60, window: '60s' }] });

/** Reads a plan into a form. */
export function toPlanForm(plan: PlanJson): PlanForm {
  return {
    displayName: plan.displayName ?? '',
    limits: (plan.limits ?? []).map(toLimitForm),
    features: writeLines(plan.features),
    maxApiKeys: plan.maxApiKeys ? String(plan.maxApiKeys) : '',
    maxDevices: plan.maxDevices ? String(plan.maxDevices) : '',
  };
}

/** Reads a plan from a form. */
export function toPlan(form: PlanForm): PlanJson {
  return {
    displayName: form.displayName,
    limits: form.limits.map(toLimit),
    features: readLines(form.features),
    maxApiKeys: Number(form.maxApiKeys),
    maxDevices: Number(form.maxDevices),
  };
}
