import { recordChange } from '../../database/audit/current-call.ts';
import { ScheduledPlanChangeEntity } from '../../database/entities/scheduled-plan-change-entity.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { AccountServiceService } from '../../generated/weir/admin/v1/account_service.ts';
import { ChangePlanRequest_Counters as Counters } from '../../generated/weir/admin/v1/plan_change.ts';
import { type Authenticate, requireAdmin } from '../callers/caller.ts';
import { requireResourceName } from '../fields/resource-names.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { changePlan, type PlanChangeOptions } from './change-plan.ts';
import { listPlanChanges } from './list-plan-changes.ts';
import type { HolderCollection } from './plan-holder.ts';
import { previewPlanChange } from './preview-plan-change.ts';

export interface PlanChangeHandlerOptions extends PlanChangeOptions {
  readonly authenticate: Authenticate;
}

/** AccountService and ApiKeyService have the same methods, with the same messages. */
type PlanChangeMethods = Pick<
  Handlers<AccountServiceService>,
  'changePlan' | 'previewPlanChange' | 'listPlanChanges' | 'cancelPlanChange'
>;

/** The methods about the plans of accounts or of API keys that change nothing. */
export function createPlanChangeReader(
  collection: HolderCollection,
  options: PlanChangeHandlerOptions,
): Pick<PlanChangeMethods, 'previewPlanChange' | 'listPlanChanges'> {
  const { database, authenticate } = options;
  return {
    async previewPlanChange(request, context) {
      requireAdmin(await authenticate(context));
      return previewPlanChange(collection, request, options);
    },

    async listPlanChanges(request, context) {
      const caller = await authenticate(context);
      return listPlanChanges(database.em.fork(), caller, collection, request);
    },
  };
}

/** The methods that change the plans of accounts or of API keys. */
export function createPlanChangeHandlers(
  collection: HolderCollection,
  options: PlanChangeHandlerOptions,
): PlanChangeMethods {
  const { database, authenticate } = options;
  return {
    ...createPlanChangeReader(collection, options),

    async changePlan(request, context) {
      requireAdmin(await authenticate(context));
      const change = await changePlan(collection, request, options);
      // Redis has no triggers.
      if (change.applied && change.counters === Counters.RESET) {
        recordChange(change.name, [{ field: 'counters', newValue: 'RESET' }]);
      }
      return change;
    },

    async cancelPlanChange({ name }, context) {
      requireAdmin(await authenticate(context));
      const id = requireResourceName(collection, 'name', name);
      const target = `${collection}/${id}`;
      const deleted = await database.em.fork().nativeDelete(ScheduledPlanChangeEntity, { target });
      if (deleted === 0) throw new ApiError({ kind: 'not_found', name: `the scheduled change of ${target}` });
      return {};
    },
  };
}
