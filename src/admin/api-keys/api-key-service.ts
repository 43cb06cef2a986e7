import { ForeignKeyConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import { ScheduledPlanChangeEntity } from '../../database/entities/scheduled-plan-change-entity.ts';
import { insertApiKeys, lockReferences } from '../../database/statements/api-key-rows.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { supersedeLimits } from '../../domain/limits/superseded-limit.ts';
import type { ApiKeyServiceService, CreateApiKeyResponse } from '../../generated/weir/admin/v1/api_key_service.ts';
import { type Caller, requireAdmin } from '../callers/caller.ts';
import { flushOrConflict, requireCurrentEtag } from '../fields/etag.ts';
import { requireResourceName } from '../fields/resource-names.ts';
import { unknownPlan } from '../fields/unknown-plan.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { createPlanChangeHandlers, type PlanChangeHandlerOptions } from '../plan-changes/plan-change-handlers.ts';
import { findKeyHolder } from '../plan-changes/plan-holder.ts';
import { supersedePlan } from '../plan-changes/supersede-plan.ts';
import {
  type ApiKeyChanges,
  type ApiKeyValues,
  describeLiftedRestriction,
  readApiKeyChanges,
  readApiKeyValues,
} from './api-key-fields.ts';
import { EMPTY_API_KEY, toApiKeyMessage } from './api-key-message.ts';
import { findMissingReferences, referencedIds } from './api-key-references.ts';
import { batchCreateApiKeys } from './batch-create-api-keys.ts';
import { type ImportOptions, importApiKeys } from './import-api-keys.ts';
import { listApiKeys } from './list-api-keys.ts';
import { generateApiKeyRow } from './new-api-key.ts';
import { rotateApiKey } from './rotate-api-key.ts';
import { withinKeyBounds } from './within-key-bounds.ts';

/** `digest` and `formerDigests` digest a secret, in hex. They must be the functions that the catalog finds keys with. */
export interface ApiKeyServiceOptions extends ImportOptions, PlanChangeHandlerOptions {}

/** Administrators manage all keys, others those of their own account. Only administrators grant plans and features. */
export function createApiKeyService(options: ApiKeyServiceOptions): Handlers<ApiKeyServiceService> {
  const { database, authenticate, digest } = options;
  return {
    ...createPlanChangeHandlers('apiKeys', options),

    async createApiKey({ apiKey = EMPTY_API_KEY }, context) {
      return createApiKey(readApiKeyValues(apiKey, await authenticate(context)), options);
    },

    async batchCreateApiKeys(request, context) {
      return batchCreateApiKeys(request, await authenticate(context), options);
    },

    async importApiKeys(request, context) {
      const caller = await authenticate(context);
      requireAdmin(caller);
      return importApiKeys(request, caller, options);
    },

    async getApiKey({ name }, context) {
      const caller = await authenticate(context);
      return toApiKeyMessage(await findApiKey(database.em.fork(), caller, 'name', name));
    },

    async listApiKeys(request, context) {
      const caller = await authenticate(context);
      return listApiKeys(database.em.fork(), caller, request);
    },

    async updateApiKey({ apiKey = EMPTY_API_KEY, updateMask }, context) {
      const caller = await authenticate(context);
      requireResourceName('apiKeys', 'api_key.name', apiKey.name);
      const changes = readApiKeyChanges(apiKey, updateMask);
      const em = database.em.fork();
      const row = await findApiKey(em, caller, 'api_key.name', apiKey.name);
      if (changes.planId !== undefined) requireAdmin(caller, 'set api_key.plan');
      requireCurrentEtag(apiKey, row);
      const lifted = describeLiftedRestriction(row, changes);
      if (lifted !== undefined) requireAdmin(caller, lifted);
      await assignChanges(em, row, changes);
      await flush(em, row);
      return toApiKeyMessage(row);
    },

    async rotateApiKey(request, context) {
      const caller = await authenticate(context);
      const em = database.em.fork();
      const old = await findApiKey(em, caller, 'name', request.name);
      return em.fork().transactional((locked) => rotateApiKey(locked, request, old, digest));
    },

    async deleteApiKey({ name }, context) {
      const caller = await authenticate(context);
      const em = database.em.fork();
      const row = await findApiKey(em, caller, 'name', name);
      row.deleteTime = new Date();
      await flush(em, row);
      await em.nativeDelete(ScheduledPlanChangeEntity, { apiKeyId: row.id });
      return {};
    },
  };
}

/** Creates a key with a new secret. Throws `invalid` for an account or a plan that does not exist. */
async function createApiKey(
  values: ApiKeyValues,
  { database, digest }: Pick<ApiKeyServiceOptions, 'database' | 'digest'>,
): Promise<CreateApiKeyResponse> {
  const { row, secret } = generateApiKeyRow(values, digest, new Date());
  await database.em.fork().transactional(async (em) => {
    const { accountIds, planIds } = referencedIds([values]);
    const faults = findMissingReferences(values, await lockReferences(em, { accountIds, planIds }));
    if (faults.length > 0)
      throw invalidArgument(...faults.map((fault) => ({ ...fault, field: `api_key.${fault.field}` })));
    await withinKeyBounds(em, accountIds, () => insertApiKeys(em, [row]));
  });
  return { apiKey: toApiKeyMessage(row), secret };
}

/** Assigns the changes of a key. The limits and the plan from before hold for a time. */
async function assignChanges(em: EntityManager, row: ApiKeyEntity, changes: ApiKeyChanges): Promise<void> {
  const now = Date.now();
  const holder = await findKeyHolder(em, row);
  if (changes.limits !== undefined)
    row.supersededLimits = supersedeLimits(row.limits, changes.limits, row.supersededLimits, now);
  em.assign(row, changes);
  const { planId } = await findKeyHolder(em, row);
  if (planId !== holder.planId) row.supersededPlanLimits = await supersedePlan(em, holder, planId, now);
}

/** A key that the caller may manage. For non-administrators, keys of other accounts do not exist. */
async function findApiKey(em: EntityManager, caller: Caller, field: string, name: string): Promise<ApiKeyEntity> {
  const id = requireResourceName('apiKeys', field, name);
  const row = await em.findOne(ApiKeyEntity, { id, deleteTime: null });
  const isVisible = row !== null && (caller.isAdmin || row.accountId === caller.accountId);
  if (!isVisible) throw new ApiError({ kind: 'not_found', name });
  return row;
}

/** Writes the changes. The plan is the only reference that callers set and that the database checks. */
async function flush(em: EntityManager, row: ApiKeyEntity): Promise<void> {
  try {
    await flushOrConflict(em, `apiKeys/${row.id}`);
  } catch (error) {
    if (!(error instanceof ForeignKeyConstraintViolationException)) throw error;
    throw unknownPlan(row.planId, 'api_key.plan');
  }
}
