import { ForeignKeyConstraintViolationException, UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { ApiKeyEntity, PlanEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { Plan, type PlanServiceService } from '../../generated/weir/admin/v1/plan_service.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import { checkDisplayName, readUpdateMask } from '../shared/common-fields.ts';
import { flushOrConflict, formatEtag, requireCurrentEtag } from '../shared/etag.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import { readFeatures, readLimits, toLimitMessage } from '../shared/limits-and-features.ts';
import { readPage, splitPage } from '../shared/paging.ts';
import { checkChosenId, readResourceName, requireResourceName } from '../shared/resource-names.ts';
import type { Handlers } from '../shared/unary-service.ts';

export interface PlanServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
}

/** The columns of a plan that callers set. */
type PlanFields = Pick<PlanEntity, 'displayName' | 'limits' | 'features'>;

/** Stands for the plan of a request that has none: no field is set. */
const EMPTY_PLAN: Plan = Plan.create();

/** All signed-in callers read plans, administrators change them. */
export function createPlanService({ database, authenticate }: PlanServiceOptions): Handlers<PlanServiceService> {
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
      return toPlanMessage(created);
    },

    async getPlan({ name }, context) {
      await authenticate(context);
      return toPlanMessage(await findPlan(database.em.fork(), name));
    },

    async listPlans(request, context) {
      await authenticate(context);
      const violations = new FieldViolations();
      const page = readPage(violations, 'plans', request);
      violations.throwIfAny();
      const where = { id: { $gt: page.after } };
      const rows = await database.em.fork().find(PlanEntity, where, { orderBy: { id: 'asc' }, limit: page.size + 1 });
      const { items, nextPageToken } = splitPage(rows, page);
      return { plans: items.map(toPlanMessage), nextPageToken };
    },

    async updatePlan({ plan = EMPTY_PLAN, updateMask }, context) {
      requireAdmin(await authenticate(context));
      const changes = readPlanChanges(plan, updateMask);
      const em = database.em.fork();
      const row = await findPlan(em, plan.name);
      requireCurrentEtag(plan, row);
      em.assign(row, changes);
      await flushOrConflict(em, plan.name);
      return toPlanMessage(row);
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
  const { displayName, limits, features } = plan ?? EMPTY_PLAN;
  checkChosenId(violations, 'plan_id', planId);
  checkDisplayName(violations, 'plan.display_name', displayName);
  if (plan === undefined) violations.add('plan', 'must be set');
  const fields = {
    displayName,
    limits: readLimits(violations, 'plan', limits),
    features: readFeatures(violations, 'plan', features),
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
  });
  if (updated.has('displayName')) checkDisplayName(violations, 'plan.display_name', plan.displayName);
  const changes = {
    ...(updated.has('displayName') && { displayName: plan.displayName }),
    ...(updated.has('limits') && { limits: readLimits(violations, 'plan', plan.limits) }),
    ...(updated.has('features') && { features: readFeatures(violations, 'plan', plan.features) }),
  };
  violations.throwIfAny();
  return changes;
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

function toPlanMessage(row: PlanEntity): Plan {
  return {
    name: `plans/${row.id}`,
    displayName: row.displayName,
    limits: row.limits.map(toLimitMessage),
    features: [...row.features],
    createTime: row.createTime,
    updateTime: row.updateTime,
    etag: formatEtag(row),
  };
}
