import { randomUUID } from 'node:crypto';
import { ForeignKeyConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AccountEntity, ApiKeyEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { apiKeyHint } from '../../domain/credentials/api-key.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import type {
  ApiKeyServiceService,
  ListApiKeysRequest,
  ListApiKeysResponse,
} from '../../generated/weir/admin/v1/api_key_service.ts';
import { makeApiKey } from '../../identity/secrets/api-key-secret.ts';
import { newCounterId } from '../../identity/secrets/counter-id.ts';
import { type Authenticate, type Caller, requireAdmin } from '../auth/caller.ts';
import { checkEtag, flushOrConflict } from '../shared/etag.ts';
import { FieldViolations, splitPage } from '../shared/field-violations.ts';
import type { Handlers } from '../shared/service.ts';
import { type ApiKeyValues, grantsMore, readApiKeyChanges, readApiKeyValues } from './api-key-fields.ts';
import { buildFilterConditions } from './api-key-filter.ts';
import { EMPTY_API_KEY, toApiKeyMessage, validUntil } from './api-key-message.ts';

export interface ApiKeyServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  /** Of a secret, in hex: what the catalog finds keys by. */
  digest(secret: string): string;
}

/** Administrators manage all keys, others those of their account; plans and features are given by administrators only. */
export function createApiKeyService(options: ApiKeyServiceOptions): Handlers<ApiKeyServiceService> {
  const { database, authenticate, digest } = options;
  return {
    async createApiKey({ apiKey = EMPTY_API_KEY }, context) {
      const values = readApiKeyValues(apiKey, await authenticate(context));
      const em = database.em.fork();
      await requireAccount(em, values.accountId);
      const made = newKey(em, digest, values);
      await flush(em, made.row);
      return { apiKey: toApiKeyMessage(made.row), secret: made.secret };
    },

    async getApiKey({ name }, context) {
      const caller = await authenticate(context);
      return toApiKeyMessage(await findKey(database.em.fork(), caller, 'name', name));
    },

    async listApiKeys(request, context) {
      const caller = await authenticate(context);
      return listKeys(database.em.fork(), caller, request);
    },

    async updateApiKey({ apiKey = EMPTY_API_KEY, updateMask }, context) {
      const caller = await authenticate(context);
      const changes = readApiKeyChanges(apiKey, updateMask);
      if (changes.planId !== undefined) requireAdmin(caller);
      const em = database.em.fork();
      const row = await findKey(em, caller, 'api_key.name', apiKey.name);
      checkEtag(apiKey, row);
      if (grantsMore(row, changes)) requireAdmin(caller);
      em.assign(row, changes);
      await flush(em, row);
      return toApiKeyMessage(row);
    },

    async rotateApiKey({ name, overlap }, context) {
      const caller = await authenticate(context);
      const overlapSeconds = overlap === '' ? 0 : parseDuration(overlap);
      if (overlapSeconds === undefined) {
        throw invalidArgument({
          field: 'overlap',
          description: 'must be a whole number and a unit, such as 3600s or 1h',
        });
      }
      const em = database.em.fork();
      const old = await findKey(em, caller, 'name', name);
      const made = newKey(em, digest, successor(old, name));
      const end = new Date(Date.now() + overlapSeconds * 1000);
      if (old.overlapEndTime === null || end < old.overlapEndTime) old.overlapEndTime = end;
      await flush(em, old);
      return { apiKey: toApiKeyMessage(made.row), secret: made.secret };
    },

    async deleteApiKey({ name }, context) {
      const caller = await authenticate(context);
      const em = database.em.fork();
      const row = await findKey(em, caller, 'name', name);
      row.deleteTime = new Date();
      await flush(em, row);
      return {};
    },
  };
}

async function listKeys(em: EntityManager, caller: Caller, request: ListApiKeysRequest): Promise<ListApiKeysResponse> {
  const faults = new FieldViolations();
  const { filter, showDeleted } = request;
  const asked = buildFilterConditions(filter, faults);
  const page = faults.page(
    'apiKeys',
    request,
    filter !== '' || showDeleted ? JSON.stringify([filter, showDeleted]) : '',
  );
  faults.throwIfAny();
  const own = caller.isAdmin ? {} : { accountId: caller.accountId };
  const where = { $and: [{ id: { $gt: page.after }, ...(showDeleted ? {} : { deleteTime: null }) }, own, ...asked] };
  const rows = await em.find(ApiKeyEntity, where, { orderBy: { id: 'asc' }, limit: page.size + 1 });
  const { items, nextPageToken } = splitPage(rows, page);
  return { apiKeys: items.map(toApiKeyMessage), nextPageToken };
}

/** What takes the place of a key that works. */
function successor(old: ApiKeyEntity, name: string): ApiKeyValues {
  const { displayName, disabled, expireTime, planId, allowedNetworks, limits, features, accountId, counterId } = old;
  const end = validUntil(old);
  if (disabled) throw new ApiError({ kind: 'precondition', reason: 'API_KEY_DISABLED', name });
  if (end !== null && end <= new Date()) {
    throw new ApiError({ kind: 'precondition', reason: 'API_KEY_EXPIRED', name });
  }
  return { displayName, disabled, expireTime, planId, allowedNetworks, limits, features, accountId, counterId };
}

function newKey(em: EntityManager, digest: (secret: string) => string, values: ApiKeyValues) {
  const secret = makeApiKey();
  const row = em.create(ApiKeyEntity, {
    counterId: newCounterId(),
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

/** A key that the caller may manage. Who is no administrator gets one answer for keys of others and for keys of nobody. */
async function findKey(em: EntityManager, caller: Caller, field: string, name: string): Promise<ApiKeyEntity> {
  const faults = new FieldViolations();
  const id = faults.idOf('apiKeys', field, name);
  faults.throwIfAny();
  const row = await em.findOne(ApiKeyEntity, { id, deleteTime: null });
  if (row?.accountId !== caller.accountId) requireAdmin(caller);
  if (row === null) throw new ApiError({ kind: 'not_found', name });
  return row;
}

async function requireAccount(em: EntityManager, id: string): Promise<void> {
  if ((await em.count(AccountEntity, { id })) === 0) {
    throw invalidArgument({
      field: 'api_key.account',
      description: `names an account that does not exist: accounts/${id}`,
    });
  }
}

/** Writes keys; the plan is the one reference that a caller names and the database checks. */
async function flush(em: EntityManager, row: ApiKeyEntity): Promise<void> {
  try {
    await flushOrConflict(em, `apiKeys/${row.id}`);
  } catch (error) {
    if (!(error instanceof ForeignKeyConstraintViolationException)) throw error;
    throw invalidArgument({
      field: 'api_key.plan',
      description: `names a plan that does not exist: plans/${row.planId}`,
    });
  }
}
