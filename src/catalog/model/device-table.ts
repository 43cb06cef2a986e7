import { randomBytes } from 'node:crypto';
import { halfSipHash, type SipHashKey } from '../../collections/half-sip-hash.ts';
import { HashIndex, NONE } from '../../collections/hash-index.ts';
import { roundUpToQuarterPower, Slab } from '../../collections/slab.ts';
import { readUint32, writeUint32 } from '../../collections/uint32.ts';
import type { CatalogDevices } from '../../decide/ports.ts';
import { type DeviceKey, formatDeviceKey, isDeviceId, parseDeviceKey } from '../../domain/device.ts';
import type { DeviceRow } from '../feed/catalog-rows.ts';
import { DeviceOwnerTable } from './device-owner-table.ts';
import { parseHexDigit } from './hex.ts';

/*
 * A device as bytes: a byte that is 1 for a blocked one, 8 bytes with the time of its creation in Unix ms, 4 bytes each
 * with the address of its owner and those of the next and the previous device of the owner plus one, then its id.
 */
const BLOCKED_OFFSET = 0;
const CREATED_OFFSET = 1;
const NEXT_OFFSET = 9;
const PREVIOUS_OFFSET = 13;
const OWNER_OFFSET = 17;
const ID_OFFSET = 21;
const DEVICE_BYTES = 37;
const WORD_VALUES = 2 ** 32;

/** All devices, packed: about 60 bytes each with the index, and no objects. The devices of an owner are a chain. */
export class DeviceTable implements CatalogDevices {
  readonly #owners = new DeviceOwnerTable();
  readonly #slab = new Slab({ grainBytes: 8, roundUp: roundUpToQuarterPower });
  /** By owner and id. Clients choose what the ids are made from, so the hash has a secret key. */
  readonly #addresses = new HashIndex();
  readonly #hashKey = newHashKey();
  /** The device that was looked up last; only its owner and its id are valid. */
  readonly #sought = new Uint8Array(DEVICE_BYTES);
  #version = 0;

  get size(): number {
    return this.#addresses.size;
  }

  get version(): number {
    return this.#version;
  }

  find(key: DeviceKey): 'known' | 'blocked' | undefined {
    const address = this.#find(key);
    if (address === NONE) return undefined;
    return this.#isBlocked(address) ? 'blocked' : 'known';
  }

  deviceCount(accountId: string): number {
    const owner = this.#owners.find(accountId);
    return owner === NONE ? 0 : this.#owners.deviceCountAt(owner);
  }

  unblockedCount(accountId: string): number {
    const owner = this.#owners.find(accountId);
    return owner === NONE ? 0 : this.#owners.unblockedCountAt(owner);
  }

  /** Reads the chain of the account only if it has more devices than that. */
  isAmongFirst(key: DeviceKey, count: number): boolean {
    const address = this.#find(key);
    if (address === NONE) return false;
    const owner = this.#read(address, OWNER_OFFSET);
    if (this.#owners.unblockedCountAt(owner) <= count) return true;
    let earlier = 0;
    for (let other = this.#owners.firstDeviceAt(owner); other !== NONE; other = this.#read(other, NEXT_OFFSET) - 1) {
      if (!this.#isBlocked(other) && this.#isEarlier(other, address)) earlier++;
    }
    return earlier < count;
  }

  /** Adds, replaces or removes a device. `id` is that of `formatDeviceKey`; another one is ignored. */
  apply(id: string, row: DeviceRow | null): void {
    const key = parseDeviceKey(id);
    if (key === undefined) return;
    this.#version++;
    const existing = this.#find(key);
    if (existing !== NONE) this.#remove(existing);
    if (row !== null) this.#add(key, row);
  }

  /**
   * Yields all devices. While it is suspended, the table may change. Devices that did not change meanwhile are yielded
   * once.
   */
  *entries(): Generator<{ readonly id: string; readonly record: DeviceRow }> {
    for (let address = this.#slab.after(NONE); address !== NONE; address = this.#slab.after(address)) {
      if (!this.#isInUse(address)) continue;
      const accountId = this.#owners.idAt(this.#read(address, OWNER_OFFSET));
      const id = formatDeviceKey({ accountId, deviceId: this.#readId(address) });
      yield { id, record: { blocked: this.#isBlocked(address), createdAt: this.#readCreatedAt(address) } };
    }
  }

  #add(key: DeviceKey, { blocked, createdAt }: DeviceRow): void {
    const owner = this.#owners.findOrAdd(key.accountId);
    const next = this.#owners.firstDeviceAt(owner);
    const packed = this.#sought;
    packed[BLOCKED_OFFSET] = blocked ? 1 : 0;
    writeUint32(packed, CREATED_OFFSET, Math.floor(createdAt / WORD_VALUES));
    writeUint32(packed, CREATED_OFFSET + 4, createdAt % WORD_VALUES);
    writeUint32(packed, NEXT_OFFSET, next + 1);
    writeUint32(packed, PREVIOUS_OFFSET, NONE + 1);
    this.#writeSought(owner, key.deviceId);
    const address = this.#slab.add(packed, DEVICE_BYTES);
    this.#addresses.add(this.#hash(packed, 0), address);
    if (next !== NONE) this.#write(next, PREVIOUS_OFFSET, address + 1);
    this.#owners.setFirstDevice(owner, address);
    this.#owners.addCounts(owner, 1, blocked ? 0 : 1);
  }

  #remove(address: number): void {
    const owner = this.#read(address, OWNER_OFFSET);
    const next = this.#read(address, NEXT_OFFSET) - 1;
    const previous = this.#read(address, PREVIOUS_OFFSET) - 1;
    if (previous === NONE) this.#owners.setFirstDevice(owner, next);
    else this.#write(previous, NEXT_OFFSET, next + 1);
    if (next !== NONE) this.#write(next, PREVIOUS_OFFSET, previous + 1);
    this.#addresses.remove(this.#hash(this.#slab.pageAt(address), this.#slab.offsetAt(address)), address);
    this.#owners.addCounts(owner, -1, this.#isBlocked(address) ? 0 : -1);
    this.#slab.remove(address);
  }

  #find({ accountId, deviceId }: DeviceKey): number {
    if (!isDeviceId(deviceId)) return NONE;
    const owner = this.#owners.find(accountId);
    if (owner === NONE) return NONE;
    this.#writeSought(owner, deviceId);
    return this.#addresses.find(this.#hash(this.#sought, 0), this.#isSought);
  }

  #writeSought(owner: number, deviceId: string): void {
    writeUint32(this.#sought, OWNER_OFFSET, owner);
    for (let byte = 0; byte < DEVICE_BYTES - ID_OFFSET; byte++) {
      this.#sought[ID_OFFSET + byte] = parseHexDigit(deviceId, byte * 2) * 16 + parseHexDigit(deviceId, byte * 2 + 1);
    }
  }

  readonly #isSought = (address: number): boolean =>
    this.#slab.equals(address, this.#sought, OWNER_OFFSET, DEVICE_BYTES);

  /** Whether a device is stored at the address, as opposed to the bytes of a removed one. */
  #isInUse(address: number): boolean {
    const hash = this.#hash(this.#slab.pageAt(address), this.#slab.offsetAt(address));
    return this.#addresses.find(hash, (other) => other === address) !== NONE;
  }

  /** Hashes owner and id of the device that begins at an offset. */
  #hash(bytes: Uint8Array, start: number): number {
    return halfSipHash(bytes, start + OWNER_OFFSET, start + DEVICE_BYTES, this.#hashKey);
  }

  /** Devices of the same time are in the order of their ids, so that all nodes have the same order. */
  #isEarlier(address: number, than: number): boolean {
    const difference = this.#readCreatedAt(address) - this.#readCreatedAt(than);
    return difference === 0 ? this.#readId(address) < this.#readId(than) : difference < 0;
  }

  #isBlocked(address: number): boolean {
    return this.#slab.pageAt(address)[this.#slab.offsetAt(address) + BLOCKED_OFFSET] === 1;
  }

  #readCreatedAt(address: number): number {
    return this.#read(address, CREATED_OFFSET) * WORD_VALUES + this.#read(address, CREATED_OFFSET + 4);
  }

  #readId(address: number): string {
    const start = this.#slab.offsetAt(address);
    return Buffer.from(this.#slab.pageAt(address).subarray(start + ID_OFFSET, start + DEVICE_BYTES)).toString('hex');
  }

  #read(address: number, offset: number): number {
    return readUint32(this.#slab.pageAt(address), this.#slab.offsetAt(address) + offset);
  }

  #write(address: number, offset: number, value: number): void {
    writeUint32(this.#slab.pageAt(address), this.#slab.offsetAt(address) + offset, value);
  }
}

function newHashKey(): SipHashKey {
  const bytes = randomBytes(8);
  return { low: bytes.readUInt32LE(0), high: bytes.readUInt32LE(4) };
}
