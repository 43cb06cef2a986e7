import type { DeviceEntity } from '../../database/entities/device-entity.ts';
import { MAX_DEVICE_LENGTH } from '../../domain/rules/reserved-domains.ts';
import type { Device } from '../../generated/weir/admin/v1/device_service.ts';
import { checkDisplayName, checkText, readUpdateMask } from '../fields/common-fields.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readDeviceName } from './device-name.ts';

/** The columns of a device that callers set. */
export type DeviceFields = Pick<DeviceEntity, 'displayName' | 'blocked' | 'blockReason'>;

const MAX_REASON_LENGTH = 500;
const CONTROL_CHARACTER = /\p{Cc}/u;

export function readDeviceFields(violations: FieldViolations, device: Device): DeviceFields {
  const { displayName, blocked, blockReason } = device;
  checkDisplayName(violations, 'device.display_name', displayName);
  checkText(violations, 'device.block_reason', blockReason, MAX_REASON_LENGTH);
  checkReasonNeeded(violations, device);
  return { displayName, blocked, blockReason };
}

/** The changes of an update: the fields that its mask names, or without a mask those that are set. */
export function readDeviceChanges(device: Device, updateMask: string): Partial<DeviceFields> {
  const violations = new FieldViolations();
  const { displayName, blocked, blockReason } = device;
  readDeviceName(violations, 'device.name', device.name);
  const updated = readUpdateMask(violations, updateMask, {
    displayName: displayName !== '',
    blocked,
    blockReason: blockReason !== '',
  });
  if (updated.has('displayName')) checkDisplayName(violations, 'device.display_name', displayName);
  if (updated.has('blockReason')) checkText(violations, 'device.block_reason', blockReason, MAX_REASON_LENGTH);
  violations.throwIfAny();
  return {
    ...(updated.has('displayName') && { displayName }),
    ...(updated.has('blocked') && { blocked }),
    ...(updated.has('blockReason') && { blockReason }),
  };
}

/** Adds a violation if a device has a reason for a block and is not blocked. */
export function checkReasonNeeded(
  violations: FieldViolations,
  { blocked, blockReason }: Omit<DeviceFields, 'displayName'>,
): void {
  if (blocked || blockReason === '') return;
  violations.add('device.block_reason', 'must be empty unless the device is blocked');
}

/** The text may be sent in the wrong field, so no violation repeats it. */
export function checkHeaderValue(violations: FieldViolations, text: string): void {
  if (text.length === 0 || text.length > MAX_DEVICE_LENGTH) {
    const expected = `must have 1 to ${MAX_DEVICE_LENGTH} characters`;
    violations.add('header_value', `${expected} (got ${text.length})`);
  }
  if (CONTROL_CHARACTER.test(text)) violations.add('header_value', 'must not contain control characters');
  if (text.trim() !== text) violations.add('header_value', 'must not begin or end with a space');
}
