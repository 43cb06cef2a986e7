import type { CatalogDevices } from '../decide/ports.ts';
import type { DeviceKey } from '../domain/device.ts';

/** How long a device may take from Postgres to the copy of the catalog. It was deleted if it does not come. */
const MAX_FEED_DELAY_MS = 30_000;

/** A device that this node has registered, and that the copy of the catalog does not have yet. */
export interface NewDevice {
  readonly key: DeviceKey;
  /** Unix time in ms. */
  readonly createdAt: number;
  /** When it was written to Postgres, as Unix time in ms. undefined: not yet. */
  writtenAt: number | undefined;
}

/** The devices that this node has registered since, in addition to those of the catalog. */
export class NewDevices {
  readonly #catalog: Pick<CatalogDevices, 'find'>;
  /** By account, then by id, in the order in which they were registered. */
  readonly #devices = new Map<string, Map<string, NewDevice>>();
  #size = 0;

  constructor(catalog: Pick<CatalogDevices, 'find'>) {
    this.#catalog = catalog;
  }

  get size(): number {
    return this.#size;
  }

  has({ accountId, deviceId }: DeviceKey): boolean {
    return this.#devices.get(accountId)?.has(deviceId) === true;
  }

  /** The number of devices of an account. It can include some that the catalog has received a moment ago. */
  count(accountId: string): number {
    return this.#devices.get(accountId)?.size ?? 0;
  }

  /** Counts the devices of its account that were registered before a device, and that the catalog does not have. */
  countBefore({ accountId, deviceId }: DeviceKey): number {
    let earlier = 0;
    for (const { key } of this.#devices.get(accountId)?.values() ?? []) {
      if (key.deviceId === deviceId) break;
      if (this.#catalog.find(key) === undefined) earlier++;
    }
    return earlier;
  }

  /** Adds a device that is not there. `createdAt` is Unix time in ms. */
  add(key: DeviceKey, createdAt: number): void {
    const ofAccount = this.#devices.get(key.accountId) ?? new Map<string, NewDevice>();
    this.#devices.set(key.accountId, ofAccount);
    ofAccount.set(key.deviceId, { key, createdAt, writtenAt: undefined });
    this.#size++;
  }

  /** Returns up to `maxCount` devices that were not written yet. */
  listUnwritten(maxCount: number): readonly NewDevice[] {
    const unwritten: NewDevice[] = [];
    for (const ofAccount of this.#devices.values()) {
      for (const device of ofAccount.values()) {
        if (device.writtenAt === undefined && unwritten.push(device) === maxCount) return unwritten;
      }
    }
    return unwritten;
  }

  /** Removes the devices that the catalog has received, or will not receive. `now` is Unix time in ms. */
  removeReceived(now: number): void {
    for (const [accountId, ofAccount] of this.#devices) {
      for (const [deviceId, { key, writtenAt }] of ofAccount) {
        const isLost = writtenAt !== undefined && now - writtenAt > MAX_FEED_DELAY_MS;
        if (!isLost && this.#catalog.find(key) === undefined) continue;
        ofAccount.delete(deviceId);
        this.#size--;
      }
      if (ofAccount.size === 0) this.#devices.delete(accountId);
    }
  }
}
