import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';
import { times } from './entity-times.ts';

export const ApiKeyEntity = defineEntity({
  name: 'ApiKeyEntity',
  tableName: 'api_key',
  properties: {
    id: p.text().primary(),
    digest: p.blob().unique().hidden(),
    /** Whether another service issued the key. The digest is then that of its SHA-256 in hex. */
    imported: p.boolean().default(false),
    hint: p.text(),
    /** Identifies the counters of the key. The successor of a rotated key keeps it, and so continues its counters. */
    counterId: p.text(),
    displayName: p.text(),
    accountId: p.text(),
    /** Null: the plan of the account. */
    planId: p.text().nullable().strictNullable(),
    /** In CIDR notation. Empty: the key can be used from everywhere. */
    allowedNetworks: p.json<readonly string[]>(),
    /** The key's own limits, in addition to the plan's. */
    limits: p.json<readonly PlanLimitSpec[]>(),
    /** `limits` from before recent edits. Decisions count against those whose counters may still have hits. */
    supersededLimits: p.json<readonly SupersededLimitSpec[]>().default([]),
    /** Limits of the plans that the key had before, as those of an account. */
    supersededPlanLimits: p.json<readonly SupersededLimitSpec[]>().default([]),
    /** The key's own features, in addition to the plan's. */
    features: p.json<readonly string[]>(),
    disabled: p.boolean(),
    /** Null: the key does not expire. */
    expireTime: p.datetime().nullable().strictNullable(),
    /** When a rotated key stops working; null: not rotated. Apart from `expireTime`, which the successors inherit. */
    overlapEndTime: p.datetime().nullable().strictNullable(),
    /** The key that replaced a rotated key; null: not rotated, or rotated by a version that did not store it. */
    successorId: p.text().nullable().strictNullable(),
    /** Null: not deleted. The rows of deleted keys stay, because usage and audit refer to them. */
    deleteTime: p.datetime().nullable().strictNullable(),
    /** To the minute; null: never used. Written by SQL and not through the entity, so that `version` stays the same. */
    lastUsedTime: p.datetime().nullable().strictNullable(),
    /** The day of `lastUsedTime` in UTC, which has an index. Only a trigger writes it. */
    lastUsedDay: p.date().nullable().strictNullable(),
    version: p.integer().version(),
    ...times,
  },
});
export type ApiKeyEntity = InferEntity<typeof ApiKeyEntity>;
