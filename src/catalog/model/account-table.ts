import { HashIndex, NONE } from '../../collections/hash-index.ts';
import { roundUpToQuarterPower, Slab } from '../../collections/slab.ts';
import type { StringInterner } from '../../collections/string-interner.ts';
import { readUint32, writeUint32 } from '../../collections/uint32.ts';
import { type AccountRecord, type AccountState, UNRESTRICTED } from '../../domain/account-state.ts';
import { dropForgotten, type SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';
import type { AccountRow } from '../feed/catalog-rows.ts';
import { hashId, MAX_PACKED_ID_BYTES, readByte, readId, writeId } from './packed-id.ts';

/*
 * An account as bytes:
 *
 *   bytes
 *   4     number of its plan's name
 *   4     number of keys that refer to it
 *   5     its state: twice the hundredths of a second since 1970 when its block ends (0: no block), plus 1 if it is disabled
 *         its id (packed-id.ts)
 *
 * Keys refer to an account by its address. So it keeps the address while it is in the catalog or a key refers to it.
 */
const PLAN_OFFSET = 0;
const KEY_COUNT_OFFSET = 4;
const STATE_OFFSET = 8;
const ID_OFFSET = 13;

/** In ms. With it, and without a further byte, most accounts have 32 bytes instead of 40. */
const BLOCK_END_UNIT = 10;
/** The latest end of a block that fits, in the year 2144. */
const MAX_BLOCK_END_UNITS = 2 ** 39 - 1;
/** Number of values of a word: 2^32. */
const WORD_VALUES = 0x1_0000_0000;

/** The plan of an account that is not in the catalog. No plan has this id. */
const NO_PLAN = '';
const NOT_IN_CATALOG: AccountRow = {
  planId: NO_PLAN,
  disabled: false,
  blockEndsAt: null,
  supersededPlanLimits: null,
};

/** All accounts, packed: about 40 bytes each, and no objects. Those that keys refer to need not be in the catalog. */
export class AccountTable {
  readonly #planNames: StringInterner;
  readonly #slab = new Slab({ grainBytes: 8, roundUp: roundUpToQuarterPower });
  readonly #addressesById = new HashIndex();
  /** The limits of former plans, by the address of the account. Nearly all accounts have none. */
  readonly #supersededLimits = new Map<number, readonly SupersededLimitSpec[]>();
  /** The account that was looked up last; only its id is valid. */
  readonly #sought = new Uint8Array(ID_OFFSET + MAX_PACKED_ID_BYTES);
  /** Offset after the id in `#sought`; -1 if the id was too long. */
  #soughtEnd = 0;
  #version = 0;

  constructor(planNames: StringInterner) {
    this.#planNames = planNames;
  }

  /** Counts the accounts, those included that are not in the catalog but have keys in it. */
  get size(): number {
    return this.#addressesById.size;
  }

  /** Changes whenever any account changes. */
  get version(): number {
    return this.#version;
  }

  /** Adds, replaces or removes an account. null: it is not in the catalog. */
  set(id: string, row: AccountRow | null): void {
    const existing = this.#find(id);
    if (existing === NONE && row === null) return;
    const address = existing === NONE ? this.#addSought(id) : existing;
    const { planId, supersededPlanLimits, ...state } = row ?? NOT_IN_CATALOG;
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address);
    const formerPlan = readUint32(page, start + PLAN_OFFSET);
    this.#version++;
    writeUint32(page, start + PLAN_OFFSET, this.#planNames.intern(planId));
    this.#planNames.release(formerPlan);
    writeState(page, start + STATE_OFFSET, state);
    this.#setSupersededLimits(address, supersededPlanLimits ?? []);
    this.#removeIfUnused(address);
  }

  /**
   * Yields the accounts of the catalog. While it is suspended, the table may change. Accounts that did not change
   * meanwhile are yielded once.
   */
  *entries(): Generator<AccountRecord> {
    for (let address = this.#slab.after(NONE); address !== NONE; address = this.#slab.after(address)) {
      if (!this.#isInUse(address)) continue;
      const planId = this.planIdAt(address);
      if (planId !== undefined) yield this.#readRecord(this.idAt(address), planId, address);
    }
  }

  /** undefined: the account is not in the catalog. */
  find(id: string): AccountRecord | undefined {
    const address = this.#find(id);
    const planId = address === NONE ? undefined : this.planIdAt(address);
    return planId === undefined ? undefined : this.#readRecord(id, planId, address);
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

  /** undefined: the account is not in the catalog. */
  planIdAt(address: number): string | undefined {
    const planNumber = readUint32(this.#slab.pageAt(address), this.#slab.offsetAt(address) + PLAN_OFFSET);
    const planId = this.#planNames.textFor(planNumber);
    return planId === NO_PLAN ? undefined : planId;
  }

  /** The same object for all accounts that are neither disabled nor blocked, so that states can be compared. */
  stateAt(address: number): AccountState {
    return readState(this.#slab.pageAt(address), this.#slab.offsetAt(address) + STATE_OFFSET);
  }

  /** The same list until the account changes. undefined: its former plans have no limits that may hold. */
  supersededLimitsAt(address: number): readonly SupersededLimitSpec[] | undefined {
    return this.#supersededLimits.size === 0 ? undefined : this.#supersededLimits.get(address);
  }

  #readRecord(id: string, planId: string, address: number): AccountRecord {
    const { disabled, blockEndsAt } = this.stateAt(address);
    const supersededPlanLimits = this.supersededLimitsAt(address);
    return { id, planId, disabled, blockEndsAt, supersededPlanLimits };
  }

  #setSupersededLimits(address: number, limits: readonly SupersededLimitSpec[]): void {
    const lasting = dropForgotten(limits, Date.now());
    if (lasting.length === 0) this.#supersededLimits.delete(address);
    else this.#supersededLimits.set(address, lasting);
  }

  /** Whether an account is stored at the address, as opposed to the bytes of a removed one. */
  #isInUse(address: number): boolean {
    const hash = hashId(this.#slab.pageAt(address), this.#slab.offsetAt(address) + ID_OFFSET);
    return this.#addressesById.find(hash, (other) => other === address) !== NONE;
  }

  #find(id: string): number {
    this.#soughtEnd = writeId(this.#sought, ID_OFFSET, id);
    if (this.#soughtEnd < 0) return NONE;
    return this.#addressesById.find(hashId(this.#sought, ID_OFFSET), this.#hasSoughtId);
  }

  readonly #hasSoughtId = (address: number): boolean =>
    this.#slab.equals(address, this.#sought, ID_OFFSET, this.#soughtEnd);

  /** Adds the account that was looked up last. */
  #addSought(id: string): number {
    if (this.#soughtEnd < 0) throw new Error(`account id: too long (got ${id.length} characters)`);
    writeUint32(this.#sought, PLAN_OFFSET, this.#planNames.intern(NO_PLAN));
    this.#sought.fill(0, KEY_COUNT_OFFSET, ID_OFFSET);
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
    if (readUint32(page, start + KEY_COUNT_OFFSET) > 0 || this.planIdAt(address) !== undefined) return;
    this.#planNames.release(readUint32(page, start + PLAN_OFFSET));
    this.#addressesById.remove(hashId(page, start + ID_OFFSET), address);
    this.#slab.remove(address);
  }
}

function writeState(
  bytes: Uint8Array,
  offset: number,
  { disabled, blockEndsAt }: Pick<AccountRow, 'disabled' | 'blockEndsAt'>,
): void {
  const units = Math.min(Math.ceil(Math.max(0, blockEndsAt ?? 0) / BLOCK_END_UNIT), MAX_BLOCK_END_UNITS);
  const state = units * 2 + (disabled ? 1 : 0);
  bytes[offset] = Math.floor(state / WORD_VALUES);
  writeUint32(bytes, offset + 1, state % WORD_VALUES);
}

function readState(bytes: Uint8Array, offset: number): AccountState {
  const state = readByte(bytes, offset) * WORD_VALUES + readUint32(bytes, offset + 1);
  if (state === 0) return UNRESTRICTED;
  const units = Math.floor(state / 2);
  return { disabled: state % 2 === 1, blockEndsAt: units === 0 ? undefined : units * BLOCK_END_UNIT };
}
