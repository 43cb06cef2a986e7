import type { CatalogDevices, DeviceRegistry, DeviceUse } from '../decide/ports.ts';
import {
  type DeviceKey,
  type DeviceRegistration,
  MAX_DEVICE_ACCOUNT_LENGTH,
  MAX_DEVICES_PER_ACCOUNT,
  MAX_UNAUTHENTICATED_DEVICES,
} from '../domain/device.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Query } from '../interfaces/query.ts';
import { DeviceIdentifier, IdentifiedDevice } from './identified-device.ts';
import { NewDevices } from './new-devices.ts';
import { RegistrationLimits } from './registration-limits.ts';
import { addUses, type DeviceUses, insertDevices } from './write-devices.ts';

export interface DeviceRegistryOptions {
  readonly registration: Exclude<DeviceRegistration, 'off'>;
  /** The copy of the catalog. */
  readonly catalog: { readonly devices: CatalogDevices };
  /** Returns the id of the device that a header names. */
  readonly hash: (header: string) => string;
  readonly query: Query;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Result of a device that is new to this node: registered, or the bound that prevented it. */
export type RegistrationResult = 'registered' | 'network_limit' | 'node_limit' | 'full';

/** New devices that wait for Postgres or its feed. Those that no plan counts take at most half of that. */
const MAX_NEW_DEVICES_HELD = 20_000;
/** Devices whose requests are held until they are written. Each takes about 200 bytes. */
const MAX_USED_DEVICES_HELD = 100_000;
/** Bounds the rows that one statement locks. */
const MAX_DEVICES_PER_STATEMENT = 1_000;

/** Registers devices and counts their requests. Postgres gets both in batches, and no decision waits for it. */
export class NodeDeviceRegistry implements DeviceRegistry {
  readonly #options: DeviceRegistryOptions;
  readonly #newDevices: NewDevices;
  readonly #limits = new RegistrationLimits();
  readonly #identifier: DeviceIdentifier;
  /** By account and id. */
  #uses = new Map<string, DeviceUses>();
  readonly #results = new Map<RegistrationResult, number>();
  #isFailing = false;

  constructor(options: DeviceRegistryOptions) {
    const { catalog } = options;
    this.#options = options;
    this.#identifier = new DeviceIdentifier(options.hash);
    // A reload replaces the devices of the catalog, so they are read each time.
    this.#newDevices = new NewDevices({ find: (key) => catalog.devices.find(key) });
  }

  get registration(): Exclude<DeviceRegistration, 'off'> {
    return this.#options.registration;
  }

  identify(accountId: string, header: string): DeviceKey {
    return this.#identifier.identify(accountId, header);
  }

  /** The numbers of devices that were new, by result. */
  get results(): ReadonlyMap<RegistrationResult, number> {
    return this.#results;
  }

  find(key: DeviceKey): 'known' | 'blocked' | undefined {
    return toIdentified(key).findIn(this.#devices) ?? (this.#newDevices.has(key) ? 'known' : undefined);
  }

  isAmongFirst(key: DeviceKey, count: number): boolean {
    const device = toIdentified(key);
    if (device.findIn(this.#devices) !== undefined) return device.isAmongFirstIn(this.#devices, count);
    return this.#devices.unblockedCount(key.accountId) + this.#newDevices.countBefore(key) < count;
  }

  hasRoom(accountId: string): boolean {
    const maxDevices = accountId === '' ? MAX_UNAUTHENTICATED_DEVICES : MAX_DEVICES_PER_ACCOUNT;
    return (
      this.#newDevices.size < MAX_NEW_DEVICES_HELD &&
      accountId.length <= MAX_DEVICE_ACCOUNT_LENGTH &&
      this.#devices.deviceCount(accountId) + this.#newDevices.count(accountId) < maxDevices
    );
  }

  register({ key, isCounted, sourceAddress }: DeviceUse): void {
    if (this.find(key) !== undefined) return; // a call that came together with this one has the same device
    const now = Date.now();
    const result = this.#findBound(key, isCounted, sourceAddress, now) ?? 'registered';
    this.#results.set(result, (this.#results.get(result) ?? 0) + 1);
    if (result === 'registered') this.#newDevices.add(key, now);
  }

  note({ key, isKnown }: DeviceUse, isAllowed: boolean): void {
    if (!isKnown && !this.#newDevices.has(key)) return;
    const name = toIdentified(key).name;
    let uses = this.#uses.get(name);
    if (uses === undefined) {
      if (this.#uses.size >= MAX_USED_DEVICES_HELD) return;
      uses = { key, requests: 0, attempts: 0, seenAt: undefined, attemptedAt: undefined };
      this.#uses.set(name, uses);
    }
    const now = Date.now();
    if (isAllowed) {
      uses.requests++;
      uses.seenAt = now;
    } else {
      uses.attempts++;
      uses.attemptedAt = now;
    }
  }

  /** Writes new devices. Never rejects: on failure they are kept. Writes must not overlap. */
  async writeNewDevices(): Promise<void> {
    this.#newDevices.removeReceived(Date.now());
    await this.#write(async () => {
      for (;;) {
        const devices = this.#newDevices.listUnwritten(MAX_DEVICES_PER_STATEMENT);
        if (devices.length === 0) return;
        await insertDevices(this.#options.query, devices);
        for (const device of devices) device.writtenAt = Date.now();
      }
    });
  }

  /** Writes the requests of devices. Never rejects: on failure they are kept. Writes must not overlap. */
  async writeUses(): Promise<void> {
    const pending = [...this.#uses.values()];
    this.#uses = new Map();
    await this.#write(async () => {
      while (pending.length > 0) {
        await addUses(this.#options.query, pending.slice(0, MAX_DEVICES_PER_STATEMENT));
        pending.splice(0, MAX_DEVICES_PER_STATEMENT);
      }
    });
    for (const uses of pending) this.#keep(uses);
  }

  get #devices(): CatalogDevices {
    return this.#options.catalog.devices;
  }

  /** Which bound keeps a new device from being registered. Those that a plan counts are bounded by it. */
  #findBound(
    key: DeviceKey,
    isCounted: boolean,
    sourceAddress: string | undefined,
    now: number,
  ): RegistrationResult | undefined {
    if (!this.hasRoom(key.accountId)) return 'full';
    if (isCounted) return undefined;
    if (this.#newDevices.size >= MAX_NEW_DEVICES_HELD / 2) return 'full';
    const exceeded = this.#limits.count(sourceAddress, now);
    return exceeded && `${exceeded}_limit`;
  }

  /** Adds uses that could not be written to those that were counted meanwhile. */
  #keep({ key, requests, attempts, seenAt, attemptedAt }: DeviceUses): void {
    const name = toIdentified(key).name;
    const later = this.#uses.get(name);
    if (later === undefined && this.#uses.size >= MAX_USED_DEVICES_HELD) return;
    this.#uses.set(name, {
      key,
      requests: requests + (later?.requests ?? 0),
      attempts: attempts + (later?.attempts ?? 0),
      seenAt: later?.seenAt ?? seenAt,
      attemptedAt: later?.attemptedAt ?? attemptedAt,
    });
  }

  async #write(write: () => Promise<void>): Promise<void> {
    const { log } = this.#options;
    try {
      await write();
      if (this.#isFailing) log.info({}, 'writing devices recovered');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) log.warn({ err: error }, 'writing devices failed; keeping them for the next attempt');
      this.#isFailing = true;
    }
  }
}

function toIdentified(key: DeviceKey): IdentifiedDevice {
  return key instanceof IdentifiedDevice ? key : new IdentifiedDevice(key.accountId, key.deviceId);
}
