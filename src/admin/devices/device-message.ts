import type { DeviceEntity } from '../../database/entities/device-entity.ts';
import { parseDeviceKey } from '../../domain/device.ts';
import { Device } from '../../generated/weir/admin/v1/device_service.ts';
import { formatEtag } from '../fields/etag.ts';
import { formatDeviceName } from './device-name.ts';

/** Stands for the device of a request that has none: no field is set. */
export const EMPTY_DEVICE: Device = Device.create();

export function toDeviceMessage(row: DeviceEntity): Device {
  const key = parseDeviceKey(row.id);
  if (key === undefined) throw new Error('id: must be that of a device in a stored row');
  return {
    name: formatDeviceName(key),
    displayName: row.displayName,
    firstSeenTime: row.firstSeenTime ?? undefined,
    lastSeenTime: row.lastSeenTime ?? undefined,
    requestCount: row.requestCount,
    attemptCount: row.attemptCount,
    lastAttemptTime: row.lastAttemptTime ?? undefined,
    blocked: row.blocked,
    blockReason: row.blockReason,
    etag: formatEtag(row),
  };
}
