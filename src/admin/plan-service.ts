import { ForeignKeyConstraintViolationException, UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { WrittenLimit } from '../core/limit.ts';
import { writeLimit } from '../core/limit.ts';
import { parsePlanLimits } from '../core/plan.ts';
import { ProblemError } from '../core/problem.ts';
import { ApiKeyEntity, PlanEntity } from '../database/entities.ts';
import type { Database } from '../database/open-database.ts';
import type { Limit } from '../generated/weir/admin/v1/limit.ts';
import type { Plan, PlanServiceService } from '../generated/weir/admin/v1/plan_service.ts';
import { type Authenticate, requireAdmin } from './caller.ts';
import { checkEtag, etagOf, flushVersioned } from './etag.ts';
import type { Handlers } from './handlers.ts';
import { cutPage, Faults } from './request.ts';

export interface PlanServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
}

export function planService({ database, authenticate }: PlanServiceOptions): Handlers<PlanServiceService> {
  return {
    async createPlan({ planId, plan }, context) {
      requireAdmin(await authenticate(context));
      const faults = new Faults();
      faults.planId('plan_id', planId);
      faults.displayName('plan.display_name', plan?.displayName ?? '');
      if (plan === undefined) faults.add('plan', 'must be given');
      const limits = readLimits(faults, plan?.limits ?? []);
      faults.throwIfAny();
      const em = database.em.fork();
      const created = em.create(PlanEntity, { id: planId, displayName: plan?.displayName ?? '', limits });
      try {
        await em.flush();
      } catch (error) {
        if (!(error instanceof UniqueConstraintViolationException)) throw error;
        throw new ProblemError({ kind: 'already_exists', name: `plans/${planId}` });
      }
      return planMessage(created);
    },

    async getPlan({ name }, context) {
      await authenticate(context);
      return planMessage(await findPlan(database.em.fork(), name));
    },

    async listPlans(request, context) {
      await authenticate(context);
      const faults = new Faults();
      const page = faults.page('plans', request);
      faults.throwIfAny();
      const rows = await database.em
        .fork()
        .find(PlanEntity, { id: { $gt: page.after } }, { orderBy: { id: 'asc' }, limit: page.size + 1 });
      const { items, nextPageToken } = cutPage(rows, page);
      return { plans: items.map(planMessage), nextPageToken };
    },

    async updatePlan({ plan, updateMask }, context) {
      requireAdmin(await authenticate(context));
      const faults = new Faults();
      const given = plan ?? { name: '', displayName: '', limits: [], etag: '' };
      faults.idOf('plans', 'plan.name', given.name);
      const fields = faults.mask(updateMask, {
        display_name: { isSet: given.displayName !== '' },
        limits: { isSet: given.limits.length > 0 },
      });
      if (fields.has('display_name')) faults.displayName('plan.display_name', given.displayName);
      const limits = fields.has('limits') ? readLimits(faults, given.limits) : [];
      faults.throwIfAny();
      const em = database.em.fork();
      const row = await findPlan(em, given.name);
      checkEtag(given, row);
      if (fields.has('display_name')) row.displayName = given.displayName;
      if (fields.has('limits')) row.limits = limits;
      await flushVersioned(em, given.name);
      return planMessage(row);
    },

    async deletePlan({ name }, context) {
      requireAdmin(await authenticate(context));
      await deletePlan(database, name);
      return {};
    },
  };
}

async function findPlan(em: EntityManager, name: string) {
  const faults = new Faults();
  const id = faults.idOf('plans', 'name', name);
  faults.throwIfAny();
  const row = await em.findOne(PlanEntity, id);
  if (row === null) throw new ProblemError({ kind: 'not_found', name });
  return row;
}

async function deletePlan(database: Database, name: string): Promise<void> {
  const faults = new Faults();
  const id = faults.idOf('plans', 'name', name);
  faults.throwIfAny();
  try {
    await database.em.fork().transactional(async (em) => {
      // Deleted keys are kept, but they need no plan any more.
      await em.nativeUpdate(ApiKeyEntity, { planId: id, deleteTime: { $ne: null } }, { planId: null });
      const deleted = await em.nativeDelete(PlanEntity, { id });
      if (deleted === 0) throw new ProblemError({ kind: 'not_found', name });
    });
  } catch (error) {
    if (!(error instanceof ForeignKeyConstraintViolationException)) throw error;
    throw new ProblemError({ kind: 'precondition', reason: 'PLAN_IN_USE', name });
  }
}

/** In the one form that they are stored in, with nothing left to a default that a later version may change. */
function readLimits(faults: Faults, written: readonly WrittenLimit[]): readonly WrittenLimit[] {
  const parsed = parsePlanLimits(written);
  if (!('faults' in parsed)) return parsed.map(writeLimit);
  for (const { field, description } of parsed.faults) faults.add(`plan.${field}`, description);
  return [];
}

export function limitMessages(limits: readonly WrittenLimit[]): Limit[] {
  return limits.map(({ name, requests, window, algorithm }) => ({ name, requests, window, algorithm }));
}

function planMessage(plan: PlanEntity): Plan {
  return {
    name: `plans/${plan.id}`,
    displayName: plan.displayName,
    limits: limitMessages(plan.limits),
    createTime: plan.createTime,
    updateTime: plan.updateTime,
    etag: etagOf(plan),
  };
}
