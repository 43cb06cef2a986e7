import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';
import { times } from './entity-times.ts';

export const PlanEntity = defineEntity({
  name: 'PlanEntity',
  tableName: 'plan',
  properties: {
    id: p.text().primary(),
    displayName: p.text(),
    limits: p.json<readonly PlanLimitSpec[]>(),
    /** Limits from before recent edits. Decisions count against those whose counters may still have hits. */
    supersededLimits: p.json<readonly SupersededLimitSpec[]>().default([]),
    features: p.json<readonly string[]>(),
    /** Devices of an account on this plan. 0: no bound. */
    maxDevices: p.integer().default(0),
    /** How many API keys an account on this plan can have; 0: any number. */
    maxApiKeys: p.integer().default(0),
    /** Also the etag. An update fails if the row has another version than the one that was read. */
    version: p.integer().version(),
    ...times,
  },
});
export type PlanEntity = InferEntity<typeof PlanEntity>;
