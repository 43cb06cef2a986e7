import { LockMode } from '@mikro-orm/core';
import { ApiKeyEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { isApiKey } from '../../domain/credentials/api-key.ts';
import { keyStatus } from '../../domain/credentials/key-status.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { looksLikeToken } from '../../domain/tokens/compact-token.ts';
import {
  GetTokenInfoResponse,
  GetTokenInfoResponse_State as State,
  type TokenInfoServiceService,
} from '../../generated/weir/admin/v1/token_info_service.ts';
import type { CallLimit } from '../../interfaces/call-limit.ts';
import { toLimitMessages } from '../shared/limits-and-features.ts';
import type { Handlers } from '../shared/service.ts';
import { describeJwt, disableJwt } from './jwt-info.ts';
import { readRemainingLimits, type TokenCatalog, type TokenInfoOptions, type TokenKey } from './token-info-options.ts';

/** What a node that only follows the catalog can answer. */
export function createReadOnlyTokenInfoService(
  parts: TokenInfoOptions,
): Pick<Handlers<TokenInfoServiceService>, 'getTokenInfo'> {
  const { catalog, counters, calls } = parts;
  return {
    async getTokenInfo({ secret }, { peer }) {
      await admit(calls, 'token_info', peer);
      const key = keyOf(secret, catalog);
      if (key === undefined) return describeJwt(secret, peer, parts);
      const plan = catalog.plan(key.planId);
      // No limits would read as unlimited.
      if (plan === undefined) throw new Error(`the catalog has key ${key.id} but not its plan ${key.planId}`);
      return GetTokenInfoResponse.create({
        state: STATES[keyStatus(key, Date.now())],
        apiKey: `apiKeys/${key.id}`,
        account: `accounts/${key.accountId}`,
        plan: `plans/${key.planId}`,
        limits: toLimitMessages([...plan.limits, ...key.conditions.limits].map(toPlanLimitSpec)),
        features: [...new Set([...plan.features, ...key.conditions.features])],
        expireTime: key.expiresAt === undefined ? undefined : new Date(key.expiresAt),
        remaining: await readRemainingLimits({ kind: 'api_key', id: key.id }, counters),
      });
    },
  };
}

export function createTokenInfoService(
  parts: TokenInfoOptions & { readonly database: Database },
): Handlers<TokenInfoServiceService> {
  const { catalog, calls, database } = parts;
  return {
    ...createReadOnlyTokenInfoService(parts),

    async disableToken({ secret }, { peer }) {
      await admit(calls, 'disable_token', peer);
      const key = keyOf(secret, catalog);
      if (key !== undefined) await disable(database, key.id);
      else if (looksLikeToken(secret)) await disableJwt(secret, peer, parts);
      else throw new ApiError({ kind: 'not_found', name: ANY_KEY });
      return {};
    },
  };
}

/**
 * Anybody may ask, so nobody may ask without end. Before the secret is looked at, and whatever it is: a refusal must not
 * tell one secret from another.
 */
async function admit(calls: CallLimit, call: string, peer: string): Promise<void> {
  const admission = await calls.admit(call, peer);
  if (admission.kind === 'admitted') return;
  if (admission.kind === 'unknown') throw new ApiError({ kind: 'counters_unavailable' });
  throw new ApiError({ kind: 'too_many_calls', retryAfterSeconds: admission.retryAfterSeconds });
}

/** In place of a name: the secret must not be repeated. */
const ANY_KEY = 'apiKeys/-';

/** Found in memory, so that whoever guesses costs no query. */
function keyOf(secret: string, catalog: TokenCatalog): TokenKey | undefined {
  if (secret === '') throw invalidArgument({ field: 'secret', description: 'must be given' });
  if (catalog.isTooStale) throw new ApiError({ kind: 'unavailable' });
  return isApiKey(secret) ? catalog.keyOfSecret(secret) : undefined;
}

/** Waits for whoever changes the key at the same time: it must not fail because they were first. */
async function disable(database: Database, id: string): Promise<void> {
  await database.em.fork().transactional(async (em) => {
    const row = await em.findOne(ApiKeyEntity, { id, deleteTime: null }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (row === null) throw new ApiError({ kind: 'not_found', name: ANY_KEY });
    row.disabled = true;
  });
}

const STATES = { valid: State.VALID, disabled: State.DISABLED, expired: State.EXPIRED } as const;
