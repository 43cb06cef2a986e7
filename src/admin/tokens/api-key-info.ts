import { LockMode } from '@mikro-orm/core';
import { nameActor } from '../../database/audit/current-call.ts';
import { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { keyStatus } from '../../domain/credentials/api-key.ts';
import type { DescribedKey } from '../../domain/credentials/described-key.ts';
import {
  GetTokenInfoResponse,
  GetTokenInfoResponse_State as State,
} from '../../generated/weir/admin/v1/token_info_service.ts';
import { toTimestamp } from '../fields/common-fields.ts';
import type { TokenInfoOptions } from './token-info-options.ts';
import { combineGrants, describeAccountState, readRemainingLimits } from './token-info-response.ts';

const STATES = { disabled: State.DISABLED, expired: State.EXPIRED } as const;

/** Describes an API key to its holder. */
export async function describeApiKey(
  key: DescribedKey,
  { credentials, counters }: TokenInfoOptions,
): Promise<GetTokenInfoResponse> {
  const plan = await credentials.findPlan(key.planId);
  // A response without the plan's limits would read as "unlimited".
  if (plan === undefined) throw new Error(`the catalog has key ${key.id} but not its plan ${key.planId}`);
  const now = Date.now();
  const status = keyStatus(key, now);
  return GetTokenInfoResponse.create({
    ...(status === 'valid' ? describeAccountState(key.accountState, now) : { state: STATES[status] }),
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

/** Disables an API key for its holder. Locks the row, so that a concurrent change delays the call and does not make it fail. */
export async function disableApiKey(database: Database, { id, accountId }: DescribedKey): Promise<void> {
  nameActor({ kind: 'API_KEY', name: `apiKeys/${id}`, accountId });
  await database.em.fork().transactional(async (em) => {
    const row = await em.findOne(ApiKeyEntity, { id, deleteTime: null }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (row === null) throw apiKeyNotFound();
    row.disabled = true;
  });
}
