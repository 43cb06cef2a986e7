import { randomUUID } from 'node:crypto';
import { ForeignKeyConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { apiKeyHint } from '../core/api-key.ts';
import { invalid, ProblemError } from '../core/problem.ts';
import { parseWindow } from '../core/window.ts';
import { AccountEntity, ApiKeyEntity } from '../database/entities.ts';
import type { Database } from '../database/open-database.ts';
import type { ApiKey, ApiKeyServiceService } from '../generated/weir/admin/v1/api_key_service.ts';
import { makeApiKey } from '../identity/api-key-secret.ts';
import { apiKeyMessage, emptyApiKey } from './api-key-message.ts';
import { type Authenticate, type Caller, requireAdmin } from './caller.ts';
import { checkEtag, flushVersioned } from './etag.ts';
import type { Handlers } from './handlers.ts';
import { cutPage, Faults } from './request.ts';

export interface ApiKeyServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  /** Of a secret, in hex: what the catalog finds keys by. */
  digest(secret: string): string;
}

/** Administrators manage all keys, others those of their account; a plan is given to a key by administrators only. */
export function apiKeyService(options: ApiKeyServiceOptions): Handlers<ApiKeyServiceService> {
  const { database, authenticate, digest } = options;
  return {
    async createApiKey({ apiKey = emptyApiKey }, context) {
      const caller = await authenticate(context);
      const faults = new Faults();
      const expireTime = faults.time('api_key.expire_time', apiKey.expireTime);
      if (expireTime !== null && expireTime <= new Date()) faults.add('api_key.expire_time', 'must be in the future');
      faults.displayName('api_key.display_name', apiKey.displayName);
      const planId = apiKey.plan === '' ? null : faults.idOf('plans', 'api_key.plan', apiKey.plan);
      const accountId =
        apiKey.account === '' ? caller.accountId : faults.idOf('accounts', 'api_key.account', apiKey.account);
      faults.throwIfAny();
      if (planId !== null || accountId !== caller.accountId) requireAdmin(caller);
      const em = database.em.fork();
      await requireAccount(em, accountId);
      const { displayName, disabled } = apiKey;
      const made = newKey(em, digest, { displayName, disabled, expireTime, planId, accountId });
      await flush(em, made.row);
      return { apiKey: apiKeyMessage(made.row), secret: made.secret };
    },

    async getApiKey({ name }, context) {
      const caller = await authenticate(context);
      return apiKeyMessage(await findKey(database.em.fork(), caller, 'name', name));
    },

    async listApiKeys(request, context) {
      const caller = await authenticate(context);
      const faults = new Faults();
      const page = faults.page('apiKeys', request);
      faults.throwIfAny();
      const own = caller.isAdmin ? {} : { accountId: caller.accountId };
      const rows = await database.em
        .fork()
        .find(
          ApiKeyEntity,
          { id: { $gt: page.after }, deleteTime: null, ...own },
          { orderBy: { id: 'asc' }, limit: page.size + 1 },
        );
      const { items, nextPageToken } = cutPage(rows, page);
      return { apiKeys: items.map(apiKeyMessage), nextPageToken };
    },

    async updateApiKey({ apiKey = emptyApiKey, updateMask }, context) {
      const caller = await authenticate(context);
      const changes = readChanges(apiKey, updateMask);
      if (changes.planId !== undefined) requireAdmin(caller);
      const em = database.em.fork();
      const row = await findKey(em, caller, 'api_key.name', apiKey.name);
      checkEtag(apiKey, row);
      em.assign(row, changes);
      await flush(em, row);
      return apiKeyMessage(row);
    },

    async rotateApiKey({ name, overlap }, context) {
      const caller = await authenticate(context);
      const overlapSeconds = overlap === '' ? 0 : parseWindow(overlap);
      if (overlapSeconds === undefined) {
        throw invalid({ field: 'overlap', description: 'must be a whole number and a unit, such as 3600s or 1h' });
      }
      const em = database.em.fork();
      const old = await findKey(em, caller, 'name', name);
      const now = new Date();
      if (old.disabled) throw new ProblemError({ kind: 'precondition', reason: 'API_KEY_DISABLED', name });
      if (old.expireTime !== null && old.expireTime <= now) {
        throw new ProblemError({ kind: 'precondition', reason: 'API_KEY_EXPIRED', name });
      }
      const { displayName, expireTime, planId, accountId } = old;
      const made = newKey(em, digest, { displayName, disabled: false, expireTime, planId, accountId });
      const end = new Date(now.getTime() + overlapSeconds * 1000);
      if (expireTime === null || end < expireTime) old.expireTime = end;
      await flush(em, old);
      return { apiKey: apiKeyMessage(made.row), secret: made.secret };
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

type NewKey = Pick<ApiKeyEntity, 'displayName' | 'disabled' | 'expireTime' | 'planId' | 'accountId'>;

function newKey(em: EntityManager, digest: (secret: string) => string, values: NewKey) {
  const secret = makeApiKey();
  const row = em.create(ApiKeyEntity, {
    ...values,
    id: randomUUID(),
    digest: Buffer.from(digest(secret), 'hex'),
    hint: apiKeyHint(secret),
  });
  return { row, secret };
}

/** A key that the caller may manage. Who is no administrator gets one answer for keys of others and for keys of nobody. */
async function findKey(em: EntityManager, caller: Caller, field: string, name: string): Promise<ApiKeyEntity> {
  const faults = new Faults();
  const id = faults.idOf('apiKeys', field, name);
  faults.throwIfAny();
  const row = await em.findOne(ApiKeyEntity, { id, deleteTime: null });
  if (row?.accountId !== caller.accountId) requireAdmin(caller);
  if (row === null) throw new ProblemError({ kind: 'not_found', name });
  return row;
}

async function requireAccount(em: EntityManager, id: string): Promise<void> {
  if ((await em.count(AccountEntity, { id })) === 0) {
    throw invalid({ field: 'api_key.account', description: `there is no accounts/${id}` });
  }
}

/** What an update changes of a key, by its mask. */
function readChanges(given: ApiKey, updateMask: readonly string[] | undefined) {
  const faults = new Faults();
  const fields = faults.mask(updateMask, {
    display_name: { isSet: given.displayName !== '' },
    plan: { isSet: given.plan !== '' },
    disabled: { isSet: given.disabled },
    expire_time: { isSet: given.expireTime !== undefined },
  });
  if (fields.has('display_name')) faults.displayName('api_key.display_name', given.displayName);
  const planId =
    given.plan === '' ? null : fields.has('plan') ? faults.idOf('plans', 'api_key.plan', given.plan) : null;
  const expireTime = fields.has('expire_time') ? faults.time('api_key.expire_time', given.expireTime) : null;
  faults.throwIfAny();
  return {
    ...(fields.has('display_name') ? { displayName: given.displayName } : {}),
    ...(fields.has('plan') ? { planId } : {}),
    ...(fields.has('disabled') ? { disabled: given.disabled } : {}),
    ...(fields.has('expire_time') ? { expireTime } : {}),
  };
}

/** Writes keys; the plan is the one reference that a caller names and the database checks. */
async function flush(em: EntityManager, row: ApiKeyEntity): Promise<void> {
  try {
    await flushVersioned(em, `apiKeys/${row.id}`);
  } catch (error) {
    if (!(error instanceof ForeignKeyConstraintViolationException)) throw error;
    throw invalid({ field: 'api_key.plan', description: `there is no plans/${row.planId}` });
  }
}
