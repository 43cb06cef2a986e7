import { HashIndex, NONE } from '../../collections/hash-index.ts';
import { roundUpToQuarterPower, Slab } from '../../collections/slab.ts';
import { readUint32, writeUint32 } from '../../collections/uint32.ts';
import { hashId, MAX_PACKED_ID_BYTES, readId, writeId } from './packed-id.ts';

/*
 * An owner of devices as bytes: 4 bytes each with the number of its devices, the number of those that are not blocked,
 * and the address of its first device plus one, then the id of its account.
 */
const DEVICES_OFFSET = 0;
const UNBLOCKED_OFFSET = 4;
const FIRST_OFFSET = 8;
const ID_OFFSET = 12;

/** The accounts that have devices, packed. An owner keeps its address as long as it has a device. */
export class DeviceOwnerTable {
  readonly #slab = new Slab({ grainBytes: 8, roundUp: roundUpToQuarterPower });
  readonly #addressesById = new HashIndex();
  /** The owner that was looked up last; only its id is valid. */
  readonly #sought = new Uint8Array(ID_OFFSET + MAX_PACKED_ID_BYTES);
  /** Offset after the id in `#sought`; -1 if the id was too long. */
  #soughtEnd = 0;

  /** Returns the address of the owner, or NONE. An empty id is an owner, too. */
  find(accountId: string): number {
    this.#soughtEnd = writeId(this.#sought, ID_OFFSET, accountId);
    if (this.#soughtEnd < 0) return NONE;
    return this.#addressesById.find(hashId(this.#sought, ID_OFFSET), this.#hasSoughtId);
  }

  /** Returns the address of the owner, which is added if it is not there. */
  findOrAdd(accountId: string): number {
    const existing = this.find(accountId);
    if (existing !== NONE) return existing;
    if (this.#soughtEnd < 0) throw new Error(`account id: too long (got ${accountId.length} characters)`);
    for (const offset of [DEVICES_OFFSET, UNBLOCKED_OFFSET, FIRST_OFFSET]) writeUint32(this.#sought, offset, 0);
    const address = this.#slab.add(this.#sought, this.#soughtEnd);
    this.#addressesById.add(hashId(this.#sought, ID_OFFSET), address);
    return address;
  }

  idAt(address: number): string {
    return readId(this.#slab.pageAt(address), this.#slab.offsetAt(address) + ID_OFFSET);
  }

  deviceCountAt(address: number): number {
    return this.#read(address, DEVICES_OFFSET);
  }

  unblockedCountAt(address: number): number {
    return this.#read(address, UNBLOCKED_OFFSET);
  }

  /** Returns the address of the first device in the chain of the owner, or NONE. */
  firstDeviceAt(address: number): number {
    return this.#read(address, FIRST_OFFSET) - 1;
  }

  setFirstDevice(address: number, device: number): void {
    this.#write(address, FIRST_OFFSET, device + 1);
  }

  /** Adds to the counts of an owner. One that has no device left is removed. */
  addCounts(address: number, devices: number, unblocked: number): void {
    this.#write(address, DEVICES_OFFSET, this.deviceCountAt(address) + devices);
    this.#write(address, UNBLOCKED_OFFSET, this.unblockedCountAt(address) + unblocked);
    if (this.deviceCountAt(address) > 0) return;
    this.#addressesById.remove(hashId(this.#slab.pageAt(address), this.#slab.offsetAt(address) + ID_OFFSET), address);
    this.#slab.remove(address);
  }

  readonly #hasSoughtId = (address: number): boolean =>
    this.#slab.equals(address, this.#sought, ID_OFFSET, this.#soughtEnd);

  #read(address: number, offset: number): number {
    return readUint32(this.#slab.pageAt(address), this.#slab.offsetAt(address) + offset);
  }

  #write(address: number, offset: number, value: number): void {
    writeUint32(this.#slab.pageAt(address), this.#slab.offsetAt(address) + offset, value);
  }
}
