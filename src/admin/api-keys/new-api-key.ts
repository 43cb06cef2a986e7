import { randomUUID } from 'node:crypto';
import type { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import { invalidArgument } from '../../domain/api-error.ts';
import { apiKeyHint } from '../../domain/credentials/api-key.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import { generateApiKey, generateCounterId } from '../../identity/secrets/api-key-secret.ts';
import type { ApiKeyValues } from './api-key-fields.ts';

/** The most keys that one call creates or imports. */
const MAX_KEYS_PER_CALL = 1_000;

/** Throws `invalid` if a call has no keys or too many. `field` is the list of keys. */
export function requireBatchSize(field: string, size: number): void {
  if (size >= 1 && size <= MAX_KEYS_PER_CALL) return;
  throw invalidArgument({ field, description: withFound(`must have 1 to ${MAX_KEYS_PER_CALL} items`, size) });
}

/** The columns that depend on a key's secret. */
type StoredSecret = Pick<ApiKeyEntity, 'digest' | 'hint' | 'imported'>;

/** The row of a new key. */
export function newApiKeyRow(values: ApiKeyValues, secret: StoredSecret, now: Date): ApiKeyEntity {
  return {
    counterId: generateCounterId(),
    overlapEndTime: null,
    successorId: null,
    lastUsedTime: null,
    lastUsedDay: null,
    supersededLimits: [],
    supersededPlanLimits: [],
    deleteTime: null,
    version: 1,
    createTime: now,
    updateTime: now,
    ...values,
    ...secret,
    id: randomUUID(),
  };
}

/** The row of a new key with a new secret. `digest` digests the secret, in hex. */
export function generateApiKeyRow(
  values: ApiKeyValues,
  digest: (secret: string) => string,
  now: Date,
): { readonly row: ApiKeyEntity; readonly secret: string } {
  const secret = generateApiKey();
  const stored = { digest: Buffer.from(digest(secret), 'hex'), hint: apiKeyHint(secret), imported: false };
  return { row: newApiKeyRow(values, stored, now), secret };
}
