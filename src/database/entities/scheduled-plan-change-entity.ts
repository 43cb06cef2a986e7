import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A scheduled change of the plan of an account or an API key. The row goes when the change is made. */
export const ScheduledPlanChangeEntity = defineEntity({
  name: 'ScheduledPlanChangeEntity',
  tableName: 'scheduled_plan_change',
  properties: {
    /** The resource name of the account or API key. */
    target: p.text().primary(),
    /** The account, or that of the API key. */
    accountId: p.text(),
    /** Null: the plan of the account changes. */
    apiKeyId: p.text().nullable().strictNullable(),
    planId: p.text(),
    resetCounters: p.boolean(),
    effectiveTime: p.datetime(),
    createTime: p.datetime().onCreate(() => new Date()),
  },
});
export type ScheduledPlanChangeEntity = InferEntity<typeof ScheduledPlanChangeEntity>;
