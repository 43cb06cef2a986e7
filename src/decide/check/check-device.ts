import type { DenialCode } from '../../domain/denial.ts';
import type { DeviceKey } from '../../domain/device.ts';
import type { Catalog, DeviceRegistry } from '../ports.ts';
import type { ProvenIdentity, ResolvedIdentity } from './authenticate.ts';
import type { CheckQuestion } from './check-question.ts';
import { type IdentityOnDevice, provenIdentity } from './prepared-check.ts';

/**
 * Looks up the device of a request, and denies an identity that may not be used on it. Changes nothing: a new device is
 * registered where the request is decided. A header proves nothing, so a device counts only together with the account
 * that a credential proves. Requests without a credential have devices of their own.
 */
export function checkDevice(
  identity: ResolvedIdentity,
  question: CheckQuestion,
  catalog: Catalog,
  devices: DeviceRegistry | undefined,
): IdentityOnDevice {
  if (devices === undefined) return { identity, device: undefined };
  const proven = provenIdentity(identity);
  const key = findKey(question, proven, devices);
  const state = key && devices.find(key);
  const maxDevices = findMaxDevices(proven, catalog);
  const isDenied = identity.kind === 'denied' && proven !== undefined;
  const isNew = state === undefined && devices.registration === 'auto' && !isDenied;
  const code = findDenial(identity, key, state, maxDevices, devices);
  const device = key && {
    key,
    isKnown: state !== undefined,
    isNew: isNew && code === undefined,
    isCounted: maxDevices > 0,
    sourceAddress: question.sourceAddress,
  };
  if (code === undefined) return { identity, device };
  return { identity: { kind: 'denied', code, fault: undefined, retryAfterSeconds: undefined, proven }, device };
}

/** undefined: the request names no device. */
function findKey(
  { device }: CheckQuestion,
  proven: ProvenIdentity | undefined,
  devices: DeviceRegistry,
): DeviceKey | undefined {
  if (device === undefined || device === '') return undefined;
  return devices.identify(proven?.credential.accountId ?? '', device);
}

/** Why an identity may not be used on a device. A request that is denied already stays denied for its first reason. */
function findDenial(
  { kind }: ResolvedIdentity,
  key: DeviceKey | undefined,
  state: ReturnType<DeviceRegistry['find']>,
  maxDevices: number,
  devices: DeviceRegistry,
): DenialCode | undefined {
  if (kind === 'denied') return undefined;
  if (state === 'blocked') return 'blocked_device';
  if (kind === 'anonymous') return undefined;
  if (state === undefined && devices.registration === 'required') return 'unknown_device';
  if (key === undefined || maxDevices === 0) return undefined;
  if (!devices.isAmongFirst(key, maxDevices)) return 'too_many_devices';
  // A device that is not registered would not be counted.
  return state === undefined && !devices.hasRoom(key.accountId) ? 'store_unavailable' : undefined;
}

/** 0: no bound. */
function findMaxDevices(proven: ProvenIdentity | undefined, catalog: Catalog): number {
  const plan = proven?.planId === undefined ? undefined : catalog.plan(proven.planId);
  return plan?.maxDevices ?? 0;
}
