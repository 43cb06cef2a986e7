/**
 * What Check does with devices. `off`: nothing. `auto`: it registers devices when it first sees them. `required`: a
 * credential can be used only on devices that were registered before.
 */
export type DeviceRegistration = 'off' | 'auto' | 'required';

/** Longer names of accounts have no devices: Postgres takes no longer key. Only external issuers have them. */
export const MAX_DEVICE_ACCOUNT_LENGTH = 256;
/** Devices of one account. Weir registers no more, whatever the plan says. */
export const MAX_DEVICES_PER_ACCOUNT = 1_000;
/** Devices of requests without a credential, of all clients together. Weir registers no more. */
export const MAX_UNAUTHENTICATED_DEVICES = 100_000;

/** A device, as it is stored. */
export interface DeviceKey {
  /** The account that used it; empty: requests without a credential. Issuers choose the names of their own accounts. */
  readonly accountId: string;
  /** Derived from the header that names it: 32 digits of hex. */
  readonly deviceId: string;
}

const DEVICE_ID = /^[0-9a-f]{32}$/;

export function isDeviceId(text: string): boolean {
  return DEVICE_ID.test(text);
}

/** Returns the id under which a device is stored: its account as `encodeAccount` writes it, and its own id. */
export function formatDeviceKey({ accountId, deviceId }: DeviceKey): string {
  return `${encodeAccount(accountId)}/${deviceId}`;
}

/**
 * Percent-encodes the id of an account, because those of external issuers can contain any character. Accounts of the
 * catalog have no character that changes.
 */
export function encodeAccount(accountId: string): string {
  return encodeURIComponent(accountId.toWellFormed());
}

/** Parses what `formatDeviceKey` returns. undefined: the text is something else. */
export function parseDeviceKey(text: string): DeviceKey | undefined {
  const slash = text.indexOf('/');
  const accountId = decodeAccount(text.slice(0, Math.max(slash, 0)));
  const deviceId = text.slice(slash + 1);
  return slash >= 0 && accountId !== undefined && isDeviceId(deviceId) ? { accountId, deviceId } : undefined;
}

/** Reverses `encodeAccount`. undefined: the text is not what that returns. */
export function decodeAccount(encoded: string): string | undefined {
  try {
    const accountId = decodeURIComponent(encoded);
    return encodeAccount(accountId) === encoded ? accountId : undefined;
  } catch {
    return undefined;
  }
}
