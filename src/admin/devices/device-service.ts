import type { EntityManager } from '@mikro-orm/postgresql';
import { DeviceEntity } from '../../database/entities/device-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { formatDeviceKey } from '../../domain/device.ts';
import type { DeviceServiceService } from '../../generated/weir/admin/v1/device_service.ts';
import { type Authenticate, type Caller, requireAdmin } from '../callers/caller.ts';
import { flushOrConflict, requireCurrentEtag } from '../fields/etag.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { createDevice } from './create-device.ts';
import { checkReasonNeeded, type DeviceFields, readDeviceChanges } from './device-fields.ts';
import { EMPTY_DEVICE, toDeviceMessage } from './device-message.ts';
import { requireDeviceName } from './device-name.ts';
import { listDevices } from './list-devices.ts';
import { requireOwner } from './require-owner.ts';

export interface DeviceServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
}

/** Administrators manage all devices, others those of their own account. */
export function createDeviceService({ database, authenticate }: DeviceServiceOptions): Handlers<DeviceServiceService> {
  return {
    async createDevice(request, context) {
      return toDeviceMessage(await createDevice(request, await authenticate(context), database));
    },

    async getDevice({ name }, context) {
      const caller = await authenticate(context);
      return toDeviceMessage(await findDevice(database.em.fork(), caller, 'name', name));
    },

    async listDevices(request, context) {
      const caller = await authenticate(context);
      return listDevices(database.em.fork(), caller, request);
    },

    async updateDevice({ device = EMPTY_DEVICE, updateMask }, context) {
      const caller = await authenticate(context);
      const changes = readDeviceChanges(device, updateMask);
      const em = database.em.fork();
      const row = await findDevice(em, caller, 'device.name', device.name);
      requireCurrentEtag(device, row);
      applyChanges(row, changes, caller);
      await flushOrConflict(em, device.name);
      return toDeviceMessage(row);
    },

    async deleteDevice({ name }, context) {
      const caller = await authenticate(context);
      const em = database.em.fork();
      const row = await findDevice(em, caller, 'name', name);
      if (row.blockedByAdmin) requireAdmin(caller);
      em.remove(row);
      await flushOrConflict(em, name);
      return {};
    },
  };
}

/** Throws `forbidden` if the caller may not change the block, and `invalid` for a reason without a block. */
function applyChanges(row: DeviceEntity, changes: Partial<DeviceFields>, caller: Caller): void {
  const changesBlock = changes.blocked !== undefined || changes.blockReason !== undefined;
  if (row.blockedByAdmin && changesBlock) requireAdmin(caller);
  // A block that ends takes its reason with it.
  const { displayName, blocked, blockReason } = row;
  const former = { displayName, blocked, blockReason: changes.blocked === false ? '' : blockReason };
  const changed = { ...former, ...changes };
  const violations = new FieldViolations();
  checkReasonNeeded(violations, changed);
  violations.throwIfAny();
  const blockedByAdmin = changesBlock ? changed.blocked && caller.isAdmin : row.blockedByAdmin;
  Object.assign(row, changed, { blockedByAdmin });
}

/** Finds a device that the caller may manage. To other callers it does not exist. */
async function findDevice(em: EntityManager, caller: Caller, field: string, name: string): Promise<DeviceEntity> {
  const key = requireDeviceName(field, name);
  requireOwner(caller, key.accountId, name);
  const row = await em.findOne(DeviceEntity, formatDeviceKey(key));
  if (row === null) throw new ApiError({ kind: 'not_found', name });
  return row;
}
