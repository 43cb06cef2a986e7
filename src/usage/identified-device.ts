import { BoundedMap } from '../collections/bounded-map.ts';
import type { CatalogDevices } from '../decide/ports.ts';
import type { DeviceKey } from '../domain/device.ts';

/** Each takes about 400 bytes, with a header of 36 characters. */
const MAX_CACHED_DEVICES = 16_384;
/** Longer headers are rare, and not kept. */
const MAX_CACHED_HEADER_LENGTH = 64;

/** A device of a request, with what is known of it. The same object for the requests that follow. */
export class IdentifiedDevice implements DeviceKey {
  readonly accountId: string;
  readonly deviceId: string;
  /** Cheaper than `formatDeviceKey`, and unambiguous because ids have no slash. */
  readonly name: string;
  /** The state in `#catalog` when its version was `#version`. */
  #state: 'known' | 'blocked' | undefined;
  #catalog: CatalogDevices | undefined;
  #version = -1;
  /** The last bound that was asked for, and whether the device is within it. undefined: none since the last change. */
  #bound: number | undefined;
  #isWithinBound = false;

  constructor(accountId: string, deviceId: string) {
    this.accountId = accountId;
    this.deviceId = deviceId;
    this.name = `${accountId}/${deviceId}`;
  }

  /** Looks the device up, unless no device of the catalog has changed since the last time. */
  findIn(catalog: CatalogDevices): 'known' | 'blocked' | undefined {
    const { version } = catalog;
    // A reload replaces the devices of the catalog.
    if (this.#catalog === catalog && this.#version === version) return this.#state;
    this.#state = catalog.find(this);
    this.#catalog = catalog;
    this.#version = version;
    this.#bound = undefined;
    return this.#state;
  }

  /** Whether the device, which must be in the catalog, is one of the first `count` of its account. */
  isAmongFirstIn(catalog: CatalogDevices, count: number): boolean {
    this.findIn(catalog);
    if (this.#bound !== count) {
      this.#isWithinBound = catalog.isAmongFirst(this, count);
      this.#bound = count;
    }
    return this.#isWithinBound;
  }
}

/** Identifies devices by the header of their requests, and hashes a header once as long as its device is cached. */
export class DeviceIdentifier {
  readonly #hash: (header: string) => string;
  /** By header. Of several accounts whose devices have the same one, the last that was used. */
  readonly #cache = new BoundedMap<string, IdentifiedDevice>(MAX_CACHED_DEVICES, 'clear');

  /** `hash` returns the id of the device that a header names. */
  constructor(hash: (header: string) => string) {
    this.#hash = hash;
  }

  identify(accountId: string, header: string): IdentifiedDevice {
    const cached = this.#cache.get(header);
    if (cached?.accountId === accountId) return cached;
    const device = new IdentifiedDevice(accountId, cached?.deviceId ?? this.#hash(header));
    if (header.length <= MAX_CACHED_HEADER_LENGTH) this.#cache.set(header, device);
    return device;
  }
}
