import type { EntityManager, FilterQuery } from '@mikro-orm/postgresql';
import { DeviceEntity } from '../../database/entities/device-entity.ts';
import { encodeAccount, parseDeviceKey } from '../../domain/device.ts';
import type { ListDevicesRequest, ListDevicesResponse } from '../../generated/weir/admin/v1/device_service.ts';
import { type Caller, requireAdmin } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readFilter } from '../lists/list-filter.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import { DEVICE_FILTER_FIELDS } from './device-filter.ts';
import { toDeviceMessage } from './device-message.ts';
import { readDeviceParent } from './device-name.ts';
import { requireOwner } from './require-owner.ts';

/** The parent of the devices of all accounts. */
const ALL_ACCOUNTS = 'accounts/-';

/** Lists devices that the caller may see. Throws `invalid` for an invalid parent, filter or page. */
export async function listDevices(
  em: EntityManager,
  caller: Caller,
  request: ListDevicesRequest,
): Promise<ListDevicesResponse> {
  const violations = new FieldViolations();
  const { parent, filter } = request;
  const isOfAllAccounts = parent === ALL_ACCOUNTS;
  const accountId = isOfAllAccounts ? '' : readDeviceParent(violations, parent);
  const { conditions } = readFilter(violations, filter, DEVICE_FILTER_FIELDS);
  const page = readPage(
    violations,
    { method: 'DeviceService/ListDevices', ids: (id) => parseDeviceKey(id) !== undefined },
    request,
  );
  violations.throwIfAny();
  if (isOfAllAccounts) requireAdmin(caller);
  else requireOwner(caller, accountId, parent);
  const owner: FilterQuery<DeviceEntity> = {
    accountId: isOfAllAccounts ? { $ne: '' } : encodeAccount(accountId),
  };
  const where = { $and: [owner, { id: { $gt: page.after } }, ...conditions] };
  const rows = await em.find(DeviceEntity, where, { orderBy: { id: 'asc' }, limit: page.size + 1 });
  const { items, nextPageToken } = splitPage(rows, page);
  return { devices: items.map(toDeviceMessage), nextPageToken };
}
