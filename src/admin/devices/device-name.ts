import { type DeviceKey, decodeAccount, encodeAccount, MAX_DEVICE_ACCOUNT_LENGTH } from '../../domain/device.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { isResourceId } from '../fields/resource-names.ts';

const DEVICE_NAME = /^(?:accounts\/([^/]+)\/)?devices\/([^/]+)$/;
const PARENT_NAME = /^accounts\/([^/]+)$/;

export function formatDeviceName({ accountId, deviceId }: DeviceKey): string {
  return accountId === '' ? `devices/${deviceId}` : `accounts/${encodeAccount(accountId)}/devices/${deviceId}`;
}

/** Reads the resource name of a device. Throws `invalid` if it is not one. */
export function requireDeviceName(field: string, name: string): DeviceKey {
  const violations = new FieldViolations();
  const key = readDeviceName(violations, field, name);
  violations.throwIfAny();
  return key;
}

/** Reads the resource name of a device. Adds a violation and returns an empty key if it is not one. */
export function readDeviceName(violations: FieldViolations, field: string, name: string): DeviceKey {
  const [, account, deviceId] = DEVICE_NAME.exec(name) ?? [];
  const accountId = account === undefined ? '' : readAccount(account);
  if (accountId !== undefined && deviceId !== undefined && isResourceId('devices', deviceId)) {
    return { accountId, deviceId };
  }
  const expected =
    'must be a resource name of the form accounts/{account}/devices/{device} or devices/{device}, as ListDevices returns it';
  violations.add(field, withFound(expected, name));
  return { accountId: '', deviceId: '' };
}

/**
 * Reads the account whose devices a request means; empty: requests without a credential. Adds a violation and returns an
 * empty id if it is not the name of an account.
 */
export function readDeviceParent(violations: FieldViolations, parent: string): string {
  if (parent === '') return '';
  const [, account = ''] = PARENT_NAME.exec(parent) ?? [];
  const accountId = account === '' ? undefined : readAccount(account);
  if (accountId === undefined) {
    violations.add('parent', withFound('must be empty or a resource name of the form accounts/{account}', parent));
  }
  return accountId ?? '';
}

function readAccount(encoded: string): string | undefined {
  const accountId = decodeAccount(encoded);
  return accountId !== undefined && accountId.length <= MAX_DEVICE_ACCOUNT_LENGTH ? accountId : undefined;
}
