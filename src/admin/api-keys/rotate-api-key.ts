import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import { ScheduledPlanChangeEntity } from '../../database/entities/scheduled-plan-change-entity.ts';
import { lockReferences } from '../../database/statements/api-key-rows.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { RotateApiKeyRequest, RotateApiKeyResponse } from '../../generated/weir/admin/v1/api_key_service.ts';
import type { ApiKeyValues } from './api-key-fields.ts';
import { toApiKeyMessage, validUntil } from './api-key-message.ts';
import { generateApiKeyRow } from './new-api-key.ts';
import { withinKeyBounds } from './within-key-bounds.ts';

/** Replaces a key of an account that the caller may manage. Call it in a transaction. */
export async function rotateApiKey(
  em: EntityManager,
  { name, overlap }: RotateApiKeyRequest,
  { id, accountId }: Pick<ApiKeyEntity, 'id' | 'accountId'>,
  digest: (secret: string) => string,
): Promise<RotateApiKeyResponse> {
  const overlapSeconds = readOverlap(overlap);
  await lockReferences(em, { accountIds: [accountId], planIds: [] });
  const old = await em.findOne(ApiKeyEntity, { id, deleteTime: null }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (old === null) throw new ApiError({ kind: 'not_found', name });
  const { row, secret } = generateApiKeyRow(valuesForSuccessor(old, name), digest, new Date());
  const overlapEnd = new Date(Date.now() + overlapSeconds * 1000);
  await withinKeyBounds(em, [accountId], async () => {
    em.create(ApiKeyEntity, row);
    if (old.overlapEndTime === null || overlapEnd < old.overlapEndTime) old.overlapEndTime = overlapEnd;
    old.successorId = row.id;
    await em.flush();
    const moved = { target: `apiKeys/${row.id}`, apiKeyId: row.id };
    await em.nativeUpdate(ScheduledPlanChangeEntity, { apiKeyId: id }, moved);
  });
  return { apiKey: toApiKeyMessage(row), secret };
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
  const { displayName, disabled, expireTime, planId, allowedNetworks, limits, features, accountId } = old;
  const { counterId, supersededLimits, supersededPlanLimits } = old;
  const end = validUntil(old);
  if (disabled) throw new ApiError({ kind: 'precondition', reason: 'API_KEY_DISABLED', name });
  if (end !== null && end <= new Date()) {
    throw new ApiError({ kind: 'precondition', reason: 'API_KEY_EXPIRED', name });
  }
  return {
    ...{ displayName, disabled, expireTime, planId, allowedNetworks, limits, features, accountId },
    ...{ counterId, supersededLimits, supersededPlanLimits },
  };
}
