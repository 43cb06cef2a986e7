import { HashIndex, NONE } from '../../collections/hash-index.ts';
import { roundUpToQuarterPower, Slab } from '../../collections/slab.ts';
import type { StringInterner } from '../../collections/string-interner.ts';
import { readUint32, writeUint32 } from '../../collections/uint32.ts';
import { hashId, MAX_PACKED_ID_BYTES, readId, writeId } from './packed-id.ts';

/*
 * An account as bytes: 4 bytes with the number of its plan's name, 4 bytes with the number of keys that refer to it,
 * and its id. Keys refer to an account by its address. So it keeps the address while it is in the catalog or a key
 * refers to it.
 */
const PLAN_OFFSET = 0;
const KEY_COUNT_OFFSET = 4;
const ID_OFFSET = 8;

/** The plan of an account that is not in the catalog. No plan has this id, so the account's keys are on no plan. */
export const NO_PLAN = '';

/** All accounts, packed: about 40 bytes each, and no objects. */
export class AccountTable {
  readonly #planNames: StringInterner;
  readonly #slab = new Slab({ grainBytes: 8, roundUp: roundUpToQuarterPower });
  readonly #addressesById = new HashIndex();
  /** The account that was looked up last; only its id is valid. */
  readonly #sought = new Uint8Array(ID_OFFSET + MAX_PACKED_ID_BYTES);
  /** Offset after the id in `#sought`; -1 if the id was too long. */
  #soughtEnd = 0;
  #version = 0;

  constructor(planNames: StringInterner) {
    this.#planNames = planNames;
  }

  /** Changes whenever the plan of any account changes. */
  get version(): number {
    return this.#version;
  }

  /** Sets the plan of an account. NO_PLAN: the account is not in the catalog, or not yet. */
  setPlan(id: string, planId: string): void {
    const existing = this.#find(id);
    if (existing === NONE && planId === NO_PLAN) return;
    const address = existing === NONE ? this.#addSought(id) : existing;
    const page = this.#slab.pageAt(address);
    const offset = this.#slab.offsetAt(address) + PLAN_OFFSET;
    const formerPlan = readUint32(page, offset);
    this.#version++;
    writeUint32(page, offset, this.#planNames.intern(planId));
    this.#planNames.release(formerPlan);
    this.#removeIfUnused(address);
  }

  /** undefined: the account is not in the catalog. */
  findPlanId(id: string): string | undefined {
    const address = this.#find(id);
    const planId = address === NONE ? NO_PLAN : this.planIdAt(address);
    return planId === NO_PLAN ? undefined : planId;
  }

  /** Adds one to the keys that refer to an account, whether it is in the catalog or not. Returns its address. */
  retain(id: string): number {
    const existing = this.#find(id);
    const address = existing === NONE ? this.#addSought(id) : existing;
    this.#changeKeyCount(address, 1);
    return address;
  }

  /** Takes one from the keys that refer to an account. */
  release(address: number): void {
    this.#changeKeyCount(address, -1);
    this.#removeIfUnused(address);
  }

  idAt(address: number): string {
    return readId(this.#slab.pageAt(address), this.#slab.offsetAt(address) + ID_OFFSET);
  }

  /** NO_PLAN: the account is not in the catalog. */
  planIdAt(address: number): string {
    const planNumber = readUint32(this.#slab.pageAt(address), this.#slab.offsetAt(address) + PLAN_OFFSET);
    return this.#planNames.textFor(planNumber);
  }

  #find(id: string): number {
    this.#soughtEnd = writeId(this.#sought, ID_OFFSET, id);
    if (this.#soughtEnd < 0) return NONE;
    return this.#addressesById.find(hashId(this.#sought, ID_OFFSET), this.#hasSoughtId);
  }

  readonly #hasSoughtId = (address: number): boolean => {
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address);
    for (let offset = ID_OFFSET; offset < this.#soughtEnd; offset++) {
      if (page[start + offset] !== this.#sought[offset]) return false;
    }
    return true;
  };

  /** Adds the account that was looked up last. */
  #addSought(id: string): number {
    if (this.#soughtEnd < 0) throw new Error(`account id: too long (got ${id.length} characters)`);
    writeUint32(this.#sought, PLAN_OFFSET, this.#planNames.intern(NO_PLAN));
    writeUint32(this.#sought, KEY_COUNT_OFFSET, 0);
    const address = this.#slab.add(this.#sought, this.#soughtEnd);
    this.#addressesById.add(hashId(this.#sought, ID_OFFSET), address);
    return address;
  }

  #changeKeyCount(address: number, change: number): void {
    const page = this.#slab.pageAt(address);
    const offset = this.#slab.offsetAt(address) + KEY_COUNT_OFFSET;
    writeUint32(page, offset, readUint32(page, offset) + change);
  }

  #removeIfUnused(address: number): void {
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address);
    if (readUint32(page, start + KEY_COUNT_OFFSET) > 0 || this.planIdAt(address) !== NO_PLAN) return;
    this.#planNames.release(readUint32(page, start + PLAN_OFFSET));
    this.#addressesById.remove(hashId(page, start + ID_OFFSET), address);
    this.#slab.remove(address);
  }
}
