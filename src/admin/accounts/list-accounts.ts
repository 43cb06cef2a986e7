import type { EntityManager } from '@mikro-orm/postgresql';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import type { ListAccountsRequest, ListAccountsResponse } from '../../generated/weir/admin/v1/account_service.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { findPage } from '../lists/find-page.ts';
import { readFilter } from '../lists/list-filter.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import { ACCOUNT_FILTER_FIELDS } from './account-filter.ts';
import { toAccountMessage } from './account-message.ts';

/** Lists accounts. Throws `invalid` for an invalid filter or page. */
export async function listAccounts(em: EntityManager, request: ListAccountsRequest): Promise<ListAccountsResponse> {
  const violations = new FieldViolations();
  const filter = readFilter(violations, request.filter, ACCOUNT_FILTER_FIELDS);
  const page = readPage(violations, { method: 'AccountService/ListAccounts', ids: 'accounts' }, request);
  violations.throwIfAny();
  const visible = request.showDeleted ? {} : { deleteTime: null };
  const rows = await findPage(em, { table: 'account', entity: AccountEntity, filter, visible, page });
  const { items, nextPageToken } = splitPage(rows, page);
  return { accounts: items.map(toAccountMessage), nextPageToken };
}
