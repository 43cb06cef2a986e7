import { ForeignKeyConstraintViolationException, UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { ApiKeyEntity, PlanEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { Plan, type PlanServiceService } from '../../generated/weir/admin/v1/plan_service.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import { checkEtag, flushOrConflict, formatEtag } from '../shared/etag.ts';
import { FieldViolations, splitPage } from '../shared/field-violations.ts';
import { readFeatures, readLimits, toLimitMessages } from '../shared/limits-and-features.ts';
import type { Handlers } from '../shared/service.ts';

/** What a request without a plan means. */
const emptyPlan: Plan = Plan.create();

export interface PlanServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
}

export function createPlanService({ database, authenticate }: PlanServiceOptions): Handlers<PlanServiceService> {
  return {
    async createPlan({ planId, plan }, context) {
      requireAdmin(await authenticate(context));
      const faults = new FieldViolations();
      faults.chosenId('plan_id', planId);
      faults.displayName('plan.display_name', plan?.displayName ?? '');
      if (plan === undefined) faults.add('plan', 'must be given');
      const limits = readLimits(faults, 'plan', plan?.limits ?? []);
      const features = readFeatures(faults, 'plan', plan?.features ?? []);
      faults.throwIfAny();
      const em = database.em.fork();
      const created = em.create(PlanEntity, { id: planId, displayName: plan?.displayName ?? '', limits, features });
      try {
        await em.flush();
      } catch (error) {
        if (!(error instanceof UniqueConstraintViolationException)) throw error;
        throw new ApiError({ kind: 'already_exists', name: `plans/${planId}` });
      }
      return planMessage(created);
    },

    async getPlan({ name }, context) {
      await authenticate(context);
      return planMessage(await findPlan(database.em.fork(), name));
    },

    async listPlans(request, context) {
      await authenticate(context);
      const faults = new FieldViolations();
      const page = faults.page('plans', request);
      faults.throwIfAny();
      const rows = await database.em
        .fork()
        .find(PlanEntity, { id: { $gt: page.after } }, { orderBy: { id: 'asc' }, limit: page.size + 1 });
      const { items, nextPageToken } = splitPage(rows, page);
      return { plans: items.map(planMessage), nextPageToken };
    },

    async updatePlan({ plan = emptyPlan, updateMask }, context) {
      requireAdmin(await authenticate(context));
      const changes = readChanges(plan, updateMask);
      const em = database.em.fork();
      const row = await findPlan(em, plan.name);
      checkEtag(plan, row);
      em.assign(row, changes);
      await flushOrConflict(em, plan.name);
      return planMessage(row);
    },

    async deletePlan({ name }, context) {
      requireAdmin(await authenticate(context));
      await deletePlan(database, name);
      return {};
    },
  };
}

/** What an update changes of a plan, by its mask. */
function readChanges(given: Plan, updateMask: string) {
  const faults = new FieldViolations();
  faults.idOf('plans', 'plan.name', given.name);
  const isSet = {
    displayName: given.displayName !== '',
    limits: given.limits.length > 0,
    features: given.features.length > 0,
  };
  const fields = faults.mask(updateMask, isSet);
  if (fields.has('displayName')) faults.displayName('plan.display_name', given.displayName);
  const limits = fields.has('limits') ? readLimits(faults, 'plan', given.limits) : [];
  const features = fields.has('features') ? readFeatures(faults, 'plan', given.features) : [];
  faults.throwIfAny();
  return {
    ...(fields.has('displayName') ? { displayName: given.displayName } : {}),
    ...(fields.has('limits') ? { limits } : {}),
    ...(fields.has('features') ? { features } : {}),
  };
}

async function findPlan(em: EntityManager, name: string) {
  const faults = new FieldViolations();
  const id = faults.idOf('plans', 'name', name);
  faults.throwIfAny();
  const row = await em.findOne(PlanEntity, id);
  if (row === null) throw new ApiError({ kind: 'not_found', name });
  return row;
}

async function deletePlan(database: Database, name: string): Promise<void> {
  const faults = new FieldViolations();
  const id = faults.idOf('plans', 'name', name);
  faults.throwIfAny();
  try {
    await database.em.fork().transactional(async (em) => {
      // Deleted keys are kept, but they need no plan any more.
      await em.nativeUpdate(ApiKeyEntity, { planId: id, deleteTime: { $ne: null } }, { planId: null });
      const deleted = await em.nativeDelete(PlanEntity, { id });
      if (deleted === 0) throw new ApiError({ kind: 'not_found', name });
    });
  } catch (error) {
    if (!(error instanceof ForeignKeyConstraintViolationException)) throw error;
    throw new ApiError({ kind: 'precondition', reason: 'PLAN_IN_USE', name });
  }
}

function planMessage(plan: PlanEntity): Plan {
  return {
    name: `plans/${plan.id}`,
    displayName: plan.displayName,
    limits: toLimitMessages(plan.limits),
    features: [...plan.features],
    createTime: plan.createTime,
    updateTime: plan.updateTime,
    etag: formatEtag(plan),
  };
}
