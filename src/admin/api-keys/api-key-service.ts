import { randomUUID } from 'node:crypto';
import { ForeignKeyConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AccountEntity, ApiKeyEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { apiKeyHint } from '../../domain/credentials/api-key.ts';
import { withFound } from '../../domain/found-value.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import type {
  ApiKeyServiceService,
  ListApiKeysRequest,
  ListApiKeysResponse,
} from '../../generated/weir/admin/v1/api_key_service.ts';
import { generateApiKey, generateCounterId } from '../../identity/secrets/api-key-secret.ts';
import { type Authenticate, type Caller, requireAdmin } from '../auth/caller.ts';
import { flushOrConflict, requireCurrentEtag } from '../shared/etag.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import { readPage, splitPage } from '../shared/paging.ts';
import { requireResourceName } from '../shared/resource-names.ts';
import type { Handlers } from '../shared/unary-service.ts';
import { type ApiKeyValues, grantsMore, readApiKeyChanges, readApiKeyValues } from './api-key-fields.ts';
import { buildFilterConditions } from './api-key-filter.ts';
import { EMPTY_API_KEY, toApiKeyMessage, validUntil } from './api-key-message.ts';

export interface ApiKeyServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  /** Digests a secret, in hex. Must be the function that the catalog uses to find keys. */
  digest(secret: string): string;
}

/** Administrators manage all keys, others those of their own account. Only administrators grant plans and features. */
export function createApiKeyService(options: ApiKeyServiceOptions): Handlers<ApiKeyServiceService> {
  const { database, authenticate, digest } = options;
  return {
    async createApiKey({ apiKey = EMPTY_API_KEY }, context) {
      const values = readApiKeyValues(apiKey, await authenticate(context));
      const em = database.em.fork();
      await requireAccount(em, values.accountId);
      const created = addApiKey(em, digest, values);
      await flush(em, created.row);
      return { apiKey: toApiKeyMessage(created.row), secret: created.secret };
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
      const changes = readApiKeyChanges(apiKey, updateMask);
      if (changes.planId !== undefined) requireAdmin(caller);
      const em = database.em.fork();
      const row = await findApiKey(em, caller, 'api_key.name', apiKey.name);
      requireCurrentEtag(apiKey, row);
      if (grantsMore(row, changes)) requireAdmin(caller);
      em.assign(row, changes);
      await flush(em, row);
      return toApiKeyMessage(row);
    },

    async rotateApiKey({ name, overlap }, context) {
      const caller = await authenticate(context);
      const overlapSeconds = readOverlap(overlap);
      const em = database.em.fork();
      const old = await findApiKey(em, caller, 'name', name);
      const created = addApiKey(em, digest, valuesForSuccessor(old, name));
      const overlapEnd = new Date(Date.now() + overlapSeconds * 1000);
      if (old.overlapEndTime === null || overlapEnd < old.overlapEndTime) old.overlapEndTime = overlapEnd;
      await flush(em, old);
      return { apiKey: toApiKeyMessage(created.row), secret: created.secret };
    },

    async deleteApiKey({ name }, context) {
      const caller = await authenticate(context);
      const em = database.em.fork();
      const row = await findApiKey(em, caller, 'name', name);
      row.deleteTime = new Date();
      await flush(em, row);
      return {};
    },
  };
}

async function listApiKeys(
  em: EntityManager,
  caller: Caller,
  request: ListApiKeysRequest,
): Promise<ListApiKeysResponse> {
  const violations = new FieldViolations();
  const { filter, showDeleted } = request;
  const conditions = buildFilterConditions(filter, violations);
  const isFiltered = filter !== '' || showDeleted;
  const page = readPage(violations, 'apiKeys', request, isFiltered ? JSON.stringify([filter, showDeleted]) : '');
  violations.throwIfAny();
  const visible = caller.isAdmin ? {} : { accountId: caller.accountId };
  const pageCondition = { id: { $gt: page.after }, ...(showDeleted ? {} : { deleteTime: null }) };
  const where = { $and: [pageCondition, visible, ...conditions] };
  const rows = await em.find(ApiKeyEntity, where, { orderBy: { id: 'asc' }, limit: page.size + 1 });
  const { items, nextPageToken } = splitPage(rows, page);
  return { apiKeys: items.map(toApiKeyMessage), nextPageToken };
}

function readOverlap(overlap: string): number {
  if (overlap === '') return 0;
  const seconds = parseDuration(overlap);
  if (seconds !== undefined) return seconds;
  const description = withFound('must be a whole number and a unit, such as 3600s or 1h', overlap);
  throw invalidArgument({ field: 'overlap', description });
}

/** The values of the key that replaces `old`, which must be usable. The keys share a counter. */
function valuesForSuccessor(old: ApiKeyEntity, name: string): ApiKeyValues {
  const { displayName, disabled, expireTime, planId, allowedNetworks, limits, features, accountId, counterId } = old;
  const end = validUntil(old);
  if (disabled) throw new ApiError({ kind: 'precondition', reason: 'API_KEY_DISABLED', name });
  if (end !== null && end <= new Date()) {
    throw new ApiError({ kind: 'precondition', reason: 'API_KEY_EXPIRED', name });
  }
  return { displayName, disabled, expireTime, planId, allowedNetworks, limits, features, accountId, counterId };
}

/** Adds a key with a new secret to `em`, which the caller flushes. */
function addApiKey(em: EntityManager, digest: (secret: string) => string, values: ApiKeyValues) {
  const secret = generateApiKey();
  const row = em.create(ApiKeyEntity, {
    counterId: generateCounterId(),
    overlapEndTime: null,
    lastUsedTime: null,
    deleteTime: null,
    ...values,
    id: randomUUID(),
    digest: Buffer.from(digest(secret), 'hex'),
    hint: apiKeyHint(secret),
  });
  return { row, secret };
}

/**
 * A key that the caller may manage. Non-administrators get the same error for keys of other accounts and for keys that
 * do not exist.
 */
async function findApiKey(em: EntityManager, caller: Caller, field: string, name: string): Promise<ApiKeyEntity> {
  const id = requireResourceName('apiKeys', field, name);
  const row = await em.findOne(ApiKeyEntity, { id, deleteTime: null });
  if (row?.accountId !== caller.accountId) requireAdmin(caller);
  if (row === null) throw new ApiError({ kind: 'not_found', name });
  return row;
}

async function requireAccount(em: EntityManager, id: string): Promise<void> {
  if ((await em.count(AccountEntity, { id })) > 0) return;
  const description = `must be an existing account (got "accounts/${id}")`;
  throw invalidArgument({ field: 'api_key.account', description });
}

/** Writes the changes. The plan is the only reference that callers set and that the database checks. */
async function flush(em: EntityManager, row: ApiKeyEntity): Promise<void> {
  try {
    await flushOrConflict(em, `apiKeys/${row.id}`);
  } catch (error) {
    if (!(error instanceof ForeignKeyConstraintViolationException)) throw error;
    throw invalidArgument({
      field: 'api_key.plan',
      description: `must be an existing plan (got "plans/${row.planId}")`,
    });
  }
}
