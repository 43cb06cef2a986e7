import type { ApiKeyEntity } from '../database/entities.ts';
import { ApiKey } from '../generated/weir/admin/v1/api_key_service.ts';
import { etagOf } from './etag.ts';

/** What a request without a key means: one with nothing set. */
export const emptyApiKey: ApiKey = ApiKey.create();

export function apiKeyMessage(row: ApiKeyEntity): ApiKey {
  return {
    name: `apiKeys/${row.id}`,
    displayName: row.displayName,
    plan: row.planId == null ? '' : `plans/${row.planId}`,
    account: `accounts/${row.accountId}`,
    disabled: row.disabled,
    expireTime: row.expireTime ?? undefined,
    hint: row.hint,
    createTime: row.createTime,
    updateTime: row.updateTime,
    etag: etagOf(row),
  };
}
