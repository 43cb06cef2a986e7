import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import { DeviceEntity } from '../../database/entities/device-entity.ts';
import { PlanEntity } from '../../database/entities/plan-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import {
  type DeviceKey,
  encodeAccount,
  formatDeviceKey,
  MAX_DEVICES_PER_ACCOUNT,
  MAX_UNAUTHENTICATED_DEVICES,
} from '../../domain/device.ts';
import type { CreateDeviceRequest } from '../../generated/weir/admin/v1/device_service.ts';
import { hashDevice } from '../../identity/secrets/hash-device.ts';
import type { Caller } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { isResourceId } from '../fields/resource-names.ts';
import { checkHeaderValue, type DeviceFields, readDeviceFields } from './device-fields.ts';
import { EMPTY_DEVICE } from './device-message.ts';
import { formatDeviceName, readDeviceParent } from './device-name.ts';
import { requireOwner } from './require-owner.ts';

/** Creates a device. Throws if the account has as many as its plan allows. */
export async function createDevice(
  { parent, headerValue, device = EMPTY_DEVICE }: CreateDeviceRequest,
  caller: Caller,
  database: Database,
): Promise<DeviceEntity> {
  const violations = new FieldViolations();
  const accountId = readDeviceParent(violations, parent);
  checkHeaderValue(violations, headerValue);
  const fields = readDeviceFields(violations, device);
  violations.throwIfAny();
  requireOwner(caller, accountId, parent);
  const key = { accountId, deviceId: hashDevice(headerValue) };
  try {
    return await database.em.fork().transactional((em) => insertDevice(em, key, fields, caller, parent));
  } catch (error) {
    if (!(error instanceof UniqueConstraintViolationException)) throw error;
    throw new ApiError({ kind: 'already_exists', name: formatDeviceName(key) });
  }
}

async function insertDevice(
  em: EntityManager,
  key: DeviceKey,
  fields: DeviceFields,
  caller: Caller,
  parent: string,
): Promise<DeviceEntity> {
  const accountId = encodeAccount(key.accountId);
  // Two calls at once must not create more devices than there may be.
  await em.execute(`select pg_advisory_xact_lock(hashtextextended('device ' || ?, 0))`, [accountId]);
  if ((await em.count(DeviceEntity, { id: formatDeviceKey(key) })) > 0) {
    throw new ApiError({ kind: 'already_exists', name: formatDeviceName(key) });
  }
  const maxDevices = await findMaxDevices(em, key.accountId, parent);
  const maxStored = key.accountId === '' ? MAX_UNAUTHENTICATED_DEVICES : MAX_DEVICES_PER_ACCOUNT;
  const stored = await em.count(DeviceEntity, { accountId });
  const counted = maxDevices === 0 || fields.blocked ? 0 : await em.count(DeviceEntity, { accountId, blocked: false });
  if (stored >= maxStored || (maxDevices > 0 && counted >= maxDevices)) {
    throw new ApiError({ kind: 'precondition', reason: 'TOO_MANY_DEVICES', name: parent });
  }
  const blockedByAdmin = fields.blocked && caller.isAdmin;
  const row = em.create(DeviceEntity, { id: formatDeviceKey(key), accountId, ...fields, blockedByAdmin });
  await em.flush();
  return row;
}

/** Returns how many devices the plan of an account allows; 0: any number. Throws `not_found` if there is no account. */
async function findMaxDevices(em: EntityManager, accountId: string, parent: string): Promise<number> {
  // The accounts of external issuers are not in the catalog. Their plan depends on their tokens.
  if (!isResourceId('accounts', accountId)) return 0;
  const account = await em.findOne(AccountEntity, { id: accountId, deleteTime: null });
  if (account === null) throw new ApiError({ kind: 'not_found', name: parent });
  return (await em.findOneOrFail(PlanEntity, account.planId)).maxDevices;
}
