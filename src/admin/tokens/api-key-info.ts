import { LockMode } from '@mikro-orm/core';
import { ApiKeyEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { keyStatus } from '../../domain/credentials/api-key.ts';
import {
  GetTokenInfoResponse,
  GetTokenInfoResponse_State as State,
} from '../../generated/weir/admin/v1/token_info_service.ts';
import { toTimestamp } from '../shared/common-fields.ts';
import type { TokenInfoKey, TokenInfoOptions } from './token-info-options.ts';
import { combineGrants, readRemainingLimits } from './token-info-response.ts';

const STATES = { valid: State.VALID, disabled: State.DISABLED, expired: State.EXPIRED } as const;

/** Describes an API key to its holder. */
export async function describeApiKey(
  key: TokenInfoKey,
  { catalog, counters }: TokenInfoOptions,
): Promise<GetTokenInfoResponse> {
  const plan = catalog.plan(key.planId);
  // A response without the plan's limits would read as "unlimited".
  if (plan === undefined) throw new Error(`the catalog has key ${key.id} but not its plan ${key.planId}`);
  return GetTokenInfoResponse.create({
    state: STATES[keyStatus(key, Date.now())],
    apiKey: `apiKeys/${key.id}`,
    account: `accounts/${key.accountId}`,
    plan: `plans/${key.planId}`,
    ...combineGrants(plan, key.policy),
    expireTime: toTimestamp(key.expiresAt),
    remaining: await readRemainingLimits(counters, { kind: 'api_key', id: key.id }),
  });
}

/** An API key that was not found. Its name is not known, and the secret must not be repeated. */
export function apiKeyNotFound(): ApiError {
  return new ApiError({ kind: 'not_found', name: 'apiKeys/-' });
}

/** Disables an API key. Locks the row, so that a concurrent change delays the call and does not make it fail. */
export async function disableApiKey(database: Database, id: string): Promise<void> {
  await database.em.fork().transactional(async (em) => {
    const row = await em.findOne(ApiKeyEntity, { id, deleteTime: null }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (row === null) throw apiKeyNotFound();
    row.disabled = true;
  });
}
