import type { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import { ApiKey } from '../../generated/weir/admin/v1/api_key_service.ts';
import { formatEtag } from '../fields/etag.ts';
import { toLimitMessage } from '../fields/limits-and-features.ts';

/** Stands for the key of a request that has none: no field is set. */
export const EMPTY_API_KEY: ApiKey = ApiKey.create();

/** When a key becomes invalid: at its expiry or at the end of its overlap, whichever comes first. Null: never. */
export function validUntil({
  expireTime,
  overlapEndTime,
}: Pick<ApiKeyEntity, 'expireTime' | 'overlapEndTime'>): Date | null {
  if (expireTime === null || overlapEndTime === null) return expireTime ?? overlapEndTime;
  return expireTime < overlapEndTime ? expireTime : overlapEndTime;
}

export function toApiKeyMessage(row: ApiKeyEntity): ApiKey {
  return {
    name: `apiKeys/${row.id}`,
    displayName: row.displayName,
    plan: row.planId === null ? '' : `plans/${row.planId}`,
    account: `accounts/${row.accountId}`,
    disabled: row.disabled,
    expireTime: validUntil(row) ?? undefined,
    hint: row.hint,
    createTime: row.createTime,
    updateTime: row.updateTime,
    etag: formatEtag(row),
    allowedNetworks: [...row.allowedNetworks],
    limits: row.limits.map(toLimitMessage),
    features: [...row.features],
    deleteTime: row.deleteTime ?? undefined,
    lastUsedTime: row.lastUsedTime ?? undefined,
    successor: row.successorId === null ? '' : `apiKeys/${row.successorId}`,
  };
}
