import { HashIndex, NONE } from '../../collections/hash-index.ts';
import { roundUpToQuarterPower, Slab } from '../../collections/slab.ts';
import type { StringInterner } from '../../collections/string-interner.ts';
import { readUint32, writeUint32 } from '../../collections/uint32.ts';
import { hashOfId, MAX_ID_LENGTH, readId, writeId } from './packed-id.ts';

/*
 * An account as bytes: 4 bytes with the number of its plan's name, 4 with how many keys refer to it, its id. It stays
 * where it is for as long as it is known or a key refers to it: where it is, is what keys know it by.
 */
const PLAN = 0;
const KEYS = 4;
const ID = 8;

/** What no plan is called: the plan of an account that is not known, so that its keys are on no plan. */
export const NO_PLAN = '';

/** All accounts, each some 40 bytes and none an object. */
export class AccountTable {
  readonly #plans: StringInterner;
  readonly #slab = new Slab({ grainBytes: 8, roundUp: roundUpToQuarterPower });
  readonly #index = new HashIndex();
  readonly #asked = new Uint8Array(ID + MAX_ID_LENGTH);
  #askedEnd = 0;
  #version = 0;

  /** `plans` gives numbers to the names of plans. */
  constructor(plans: StringInterner) {
    this.#plans = plans;
  }

  /** Another number whenever an account's plan has changed. */
  get version(): number {
    return this.#version;
  }

  /** Sets the plan of an account; NO_PLAN: the account is gone, or not known yet. */
  setPlan(id: string, planId: string): void {
    const known = this.#find(id);
    if (known === NONE && planId === NO_PLAN) return;
    const piece = known === NONE ? this.#add(id) : known;
    const page = this.#slab.pageAt(piece);
    const at = this.#slab.offsetAt(piece) + PLAN;
    const former = readUint32(page, at);
    this.#version++;
    writeUint32(page, at, this.#plans.intern(planId));
    this.#plans.release(former);
    this.#removeIfUnused(piece);
  }

  /** undefined where the account is not known. */
  planOf(id: string): string | undefined {
    const piece = this.#find(id);
    const planId = piece === NONE ? NO_PLAN : this.planAt(piece);
    return planId === NO_PLAN ? undefined : planId;
  }

  /** Where an account is that one more key refers to, known or not. */
  take(id: string): number {
    const known = this.#find(id);
    const piece = known === NONE ? this.#add(id) : known;
    this.#count(piece, 1);
    return piece;
  }

  /** A key less refers to it. */
  giveBack(piece: number): void {
    this.#count(piece, -1);
    this.#removeIfUnused(piece);
  }

  idAt(piece: number): string {
    return readId(this.#slab.pageAt(piece), this.#slab.offsetAt(piece) + ID);
  }

  /** NO_PLAN where the account is not known. */
  planAt(piece: number): string {
    return this.#plans.textFor(readUint32(this.#slab.pageAt(piece), this.#slab.offsetAt(piece) + PLAN));
  }

  #find(id: string): number {
    this.#askedEnd = writeId(this.#asked, ID, id);
    return this.#askedEnd < 0 ? NONE : this.#index.find(hashOfId(this.#asked, ID), this.#isAsked);
  }

  readonly #isAsked = (piece: number): boolean => {
    const page = this.#slab.pageAt(piece);
    const start = this.#slab.offsetAt(piece);
    for (let at = ID; at < this.#askedEnd; at++) if (page[start + at] !== this.#asked[at]) return false;
    return true;
  };

  /** The one that was asked for last. */
  #add(id: string): number {
    if (this.#askedEnd < 0) throw new Error(`an account's id is too long: ${id.length} characters`);
    writeUint32(this.#asked, PLAN, this.#plans.intern(NO_PLAN));
    writeUint32(this.#asked, KEYS, 0);
    const piece = this.#slab.add(this.#asked, this.#askedEnd);
    this.#index.add(hashOfId(this.#asked, ID), piece);
    return piece;
  }

  #count(piece: number, change: number): void {
    const page = this.#slab.pageAt(piece);
    const at = this.#slab.offsetAt(piece) + KEYS;
    writeUint32(page, at, readUint32(page, at) + change);
  }

  #removeIfUnused(piece: number): void {
    const page = this.#slab.pageAt(piece);
    const start = this.#slab.offsetAt(piece);
    if (readUint32(page, start + KEYS) > 0 || this.planAt(piece) !== NO_PLAN) return;
    this.#plans.release(readUint32(page, start + PLAN));
    this.#index.remove(hashOfId(page, start + ID), piece);
    this.#slab.remove(piece);
  }
}
