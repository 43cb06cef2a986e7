import { ForeignKeyConstraintViolationException, UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import { PlanEntity } from '../../database/entities/plan-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { CounterAdmin } from '../../domain/counting/counter-admin.ts';
import { MAX_DEVICES_PER_ACCOUNT } from '../../domain/device.ts';
import type { PlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { supersedeLimits } from '../../domain/limits/superseded-limit.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { Limit } from '../../generated/weir/admin/v1/limit.ts';
import { Plan, type PlanServiceService } from '../../generated/weir/admin/v1/plan_service.ts';
import { type Authenticate, requireAdmin } from '../callers/caller.ts';
import { checkDisplayName, readUpdateMask } from '../fields/common-fields.ts';
import { flushOrConflict, formatEtag, requireCurrentEtag } from '../fields/etag.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readFeatures, readLimits, toLimitMessage } from '../fields/limits-and-features.ts';
import { checkChosenId, readResourceName, requireResourceName } from '../fields/resource-names.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { describeCounterChanges } from './counter-changes.ts';
import { previewPlan } from './preview-plan.ts';

export interface PlanServiceOptions {
  readonly database: Database;
  readonly counters: CounterAdmin;
  readonly authenticate: Authenticate;
}

/** The columns of a plan that callers set. */
type PlanFields = Pick<PlanEntity, 'displayName' | 'limits' | 'features' | 'maxApiKeys' | 'maxDevices'>;

/** Stands for the plan of a request that has none: no field is set. */
const EMPTY_PLAN: Plan = Plan.create();

/** All signed-in callers read plans, administrators change them. */
export function createPlanService({
  database,
  counters,
  authenticate,
}: PlanServiceOptions): Handlers<PlanServiceService> {
  return {
    async createPlan({ planId, plan }, context) {
      requireAdmin(await authenticate(context));
      const fields = readNewPlan(planId, plan);
      const em = database.em.fork();
      const created = em.create(PlanEntity, { id: planId, ...fields });
      try {
        await em.flush();
      } catch (error) {
        if (!(error instanceof UniqueConstraintViolationException)) throw error;
        throw new ApiError({ kind: 'already_exists', name: `plans/${planId}` });
      }
      return toPlanMessage(created, findPlanWarnings(created));
    },

    async getPlan({ name }, context) {
      await authenticate(context);
      return toPlanMessage(await findPlan(database.em.fork(), name));
    },

    async listPlans(request, context) {
      await authenticate(context);
      const violations = new FieldViolations();
      const page = readPage(violations, { method: 'PlanService/ListPlans', ids: 'plans' }, request);
      violations.throwIfAny();
      const where = { id: { $gt: page.after } };
      const rows = await database.em.fork().find(PlanEntity, where, { orderBy: { id: 'asc' }, limit: page.size + 1 });
      const { items, nextPageToken } = splitPage(rows, page);
      return { plans: items.map((row) => toPlanMessage(row)), nextPageToken };
    },

    async updatePlan({ plan = EMPTY_PLAN, updateMask }, context) {
      requireAdmin(await authenticate(context));
      const changes = readPlanChanges(plan, updateMask);
      const em = database.em.fork();
      const row = await findPlan(em, plan.name);
      requireCurrentEtag(plan, row);
      const { supersededLimits, warnings } = carryOver(row, changes.limits ?? row.limits, Date.now());
      em.assign(row, { ...changes, supersededLimits });
      await flushOrConflict(em, plan.name);
      return toPlanMessage(row, [...findPlanWarnings(row), ...warnings]);
    },

    async previewPlan({ plan = EMPTY_PLAN, updateMask }, context) {
      requireAdmin(await authenticate(context));
      const changes = readPlanChanges(plan, updateMask);
      const em = database.em.fork();
      const row = await findPlan(em, plan.name);
      requireCurrentEtag(plan, row);
      const limits = changes.limits ?? row.limits;
      const now = Date.now();
      const { supersededLimits, warnings } = carryOver(row, limits, now);
      const preview = await previewPlan(em, counters, row, { limits, supersededLimits }, now);
      return { ...preview, warnings: [...findPlanWarnings({ limits }), ...warnings] };
    },

    async deletePlan({ name }, context) {
      requireAdmin(await authenticate(context));
      await deletePlan(database, name);
      return {};
    },
  };
}

function readNewPlan(planId: string, plan: Plan | undefined): PlanFields {
  const violations = new FieldViolations();
  const { displayName, limits, features, maxApiKeys, maxDevices } = plan ?? EMPTY_PLAN;
  checkChosenId(violations, 'plan_id', planId);
  checkDisplayName(violations, 'plan.display_name', displayName);
  if (plan === undefined) violations.add('plan', 'must be set');
  const fields = {
    displayName,
    limits: plan === undefined ? [] : readPlanLimits(violations, limits),
    features: readFeatures(violations, 'plan', features),
    maxDevices: readMaxDevices(violations, maxDevices),
    maxApiKeys: readMaxApiKeys(violations, maxApiKeys),
  };
  violations.throwIfAny();
  return fields;
}

/** The changes of an update: the fields that its mask names, or without a mask those that are set. */
function readPlanChanges(plan: Plan, updateMask: string): Partial<PlanFields> {
  const violations = new FieldViolations();
  readResourceName(violations, 'plans', 'plan.name', plan.name);
  const updated = readUpdateMask(violations, updateMask, {
    displayName: plan.displayName !== '',
    limits: plan.limits.length > 0,
    features: plan.features.length > 0,
    maxDevices: plan.maxDevices !== 0,
    maxApiKeys: plan.maxApiKeys !== 0,
  });
  if (updated.has('displayName')) checkDisplayName(violations, 'plan.display_name', plan.displayName);
  const changes = {
    ...(updated.has('displayName') && { displayName: plan.displayName }),
    ...(updated.has('limits') && { limits: readPlanLimits(violations, plan.limits) }),
    ...(updated.has('features') && { features: readFeatures(violations, 'plan', plan.features) }),
    ...(updated.has('maxDevices') && { maxDevices: readMaxDevices(violations, plan.maxDevices) }),
    ...(updated.has('maxApiKeys') && { maxApiKeys: readMaxApiKeys(violations, plan.maxApiKeys) }),
  };
  violations.throwIfAny();
  return changes;
}

/** 0: no bound. */
function readMaxApiKeys(violations: FieldViolations, maxApiKeys: number): number {
  if (maxApiKeys < 0) violations.add('plan.max_api_keys', withFound('must not be negative', maxApiKeys));
  return maxApiKeys;
}

/**
 * An empty list is a violation: a forgotten list must not lift all limits. Plans without limits that are stored already
 * stay valid.
 */
function readPlanLimits(violations: FieldViolations, limits: readonly Limit[]): readonly PlanLimitSpec[] {
  if (limits.length === 0) {
    const unlimited = '{"name": "unlimited", "algorithm": "unlimited"}';
    violations.add('plan.limits', `must have at least one item; a plan without a limit has ${unlimited}`);
  }
  return readLimits(violations, 'plan', limits);
}

function readMaxDevices(violations: FieldViolations, maxDevices: number): number {
  if (maxDevices < 0 || maxDevices > MAX_DEVICES_PER_ACCOUNT) {
    const expected = `must be 0, for no bound, or up to ${MAX_DEVICES_PER_ACCOUNT}`;
    violations.add('plan.max_devices', withFound(expected, maxDevices));
  }
  return maxDevices;
}

async function findPlan(em: EntityManager, name: string): Promise<PlanEntity> {
  const row = await em.findOne(PlanEntity, requireResourceName('plans', 'name', name));
  if (row === null) throw new ApiError({ kind: 'not_found', name });
  return row;
}

async function deletePlan(database: Database, name: string): Promise<void> {
  const id = requireResourceName('plans', 'name', name);
  try {
    await database.em.fork().transactional(async (em) => {
      // The rows of deleted keys stay, but no longer need their plan.
      await em.nativeUpdate(ApiKeyEntity, { planId: id, deleteTime: { $ne: null } }, { planId: null });
      const deleted = await em.nativeDelete(PlanEntity, { id });
      if (deleted === 0) throw new ApiError({ kind: 'not_found', name });
    });
  } catch (error) {
    if (!(error instanceof ForeignKeyConstraintViolationException)) throw error;
    throw new ApiError({ kind: 'precondition', reason: 'PLAN_IN_USE', name });
  }
}

/** The limits from before an edit that hold as well, and what the edit does to the counters. `now` is Unix time in ms. */
function carryOver(row: PlanEntity, limits: readonly PlanLimitSpec[], now: number) {
  const supersededLimits = supersedeLimits(row.limits, limits, row.supersededLimits, now);
  return { supersededLimits, warnings: describeCounterChanges(row.limits, limits, supersededLimits, now) };
}

/** Describes the limits that may not hold as their author intends. */
function findPlanWarnings({ limits }: Pick<PlanEntity, 'limits'>): readonly string[] {
  return limits
    .filter(({ algorithm }) => algorithm === 'concurrency')
    .map(
      ({ name }) =>
        `limits: "${name}" holds only where the rate limit filter asks for the domain plans; ` +
        'Check does not learn when a request ends, so it does not enforce concurrency limits',
    );
}

/** `warnings` are those of the call that wrote the plan. */
function toPlanMessage(row: PlanEntity, warnings: readonly string[] = []): Plan {
  return {
    name: `plans/${row.id}`,
    displayName: row.displayName,
    limits: row.limits.map(toLimitMessage),
    features: [...row.features],
    maxDevices: row.maxDevices,
    createTime: row.createTime,
    updateTime: row.updateTime,
    etag: formatEtag(row),
    warnings: [...warnings],
    maxApiKeys: row.maxApiKeys,
  };
}
