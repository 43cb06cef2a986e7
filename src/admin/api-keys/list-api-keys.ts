import type { EntityManager } from '@mikro-orm/postgresql';
import { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import type { ListApiKeysRequest, ListApiKeysResponse } from '../../generated/weir/admin/v1/api_key_service.ts';
import type { Caller } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { findPage } from '../lists/find-page.ts';
import { readFilter } from '../lists/list-filter.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import { API_KEY_FILTER_FIELDS } from './api-key-filter.ts';
import { toApiKeyMessage } from './api-key-message.ts';

/** Lists the keys that the caller may see. Throws `invalid` for an invalid filter or page. */
export async function listApiKeys(
  em: EntityManager,
  caller: Caller,
  request: ListApiKeysRequest,
): Promise<ListApiKeysResponse> {
  const violations = new FieldViolations();
  const filter = readFilter(violations, request.filter, API_KEY_FILTER_FIELDS);
  const page = readPage(violations, { method: 'ApiKeyService/ListApiKeys', ids: 'apiKeys' }, request);
  violations.throwIfAny();
  const visible = {
    ...(caller.isAdmin ? {} : { accountId: caller.accountId }),
    ...(request.showDeleted ? {} : { deleteTime: null }),
  };
  const rows = await findPage(em, { table: 'api_key', entity: ApiKeyEntity, filter, visible, page });
  const { items, nextPageToken } = splitPage(rows, page);
  return { apiKeys: items.map(toApiKeyMessage), nextPageToken };
}
