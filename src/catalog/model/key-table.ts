import { HashIndex, NONE } from '../../collections/hash-index.ts';
import { roundUpToQuarterPower, Slab } from '../../collections/slab.ts';
import type { StringInterner } from '../../collections/string-interner.ts';
import { readUint32 } from '../../collections/uint32.ts';
import type { KeyRecord } from '../../decide/ports.ts';
import {
  type ApiKeyPolicy,
  type ApiKeyPolicySpec,
  NO_POLICY,
  parseApiKeyPolicy,
} from '../../domain/credentials/api-key-policy.ts';
import type { ApiKeyRow } from '../feed/catalog-rows.ts';
import type { AccountTable } from './account-table.ts';
import { type CachedKey, KeyCache } from './key-cache.ts';
import { hashOfId, readId, writeId } from './packed-id.ts';
import * as packed from './packed-key.ts';

/**
 * All API keys, each some 80 bytes with what finds it by digest and by id, and none an object but those that are asked
 * for. A key's record tells its account's plan as it was then: when that changes, so does the record.
 */
export class KeyTable {
  readonly #accounts: AccountTable;
  readonly #plans: StringInterner;
  readonly #slab = new Slab({ grainBytes: 8, roundUp: roundUpToQuarterPower });
  readonly #byDigest = new HashIndex();
  readonly #byId = new HashIndex();
  readonly #recent = new KeyCache();
  readonly #askedDigest = new Uint8Array(packed.DIGEST_BYTES);
  readonly #askedId = new Uint8Array(packed.MAX_LOOKUP_BYTES);
  #askedIdEnd = 0;
  readonly #written = new Uint8Array(packed.MAX_KEY_BYTES);

  /** `plans` gives numbers to the names of plans. */
  constructor(accounts: AccountTable, plans: StringInterner) {
    this.#accounts = accounts;
    this.#plans = plans;
  }

  /** `digest` in hex. */
  ofDigest(digest: string): KeyRecord | undefined {
    const recent = this.#recent.ofDigest(digest);
    if (recent !== undefined && recent.version === this.#accounts.version) {
      recent.wasUsed = true;
      return recent.key;
    }
    packed.writeDigest(this.#askedDigest, 0, digest);
    const piece = this.#byDigest.find(readUint32(this.#askedDigest, 0), this.#hasAskedDigest);
    if (piece === NONE) return undefined;
    const found = this.#recentAt(piece);
    this.#recent.nameByDigest(found, digest);
    return found.key;
  }

  ofId(id: string): KeyRecord | undefined {
    const piece = this.#find(id);
    return piece === NONE ? undefined : this.#recentAt(piece).key;
  }

  /** What holds for a key beside its plan, as JSON, empty for nothing; undefined: there is no such key. */
  conditionsOf(id: string): string | undefined {
    const piece = this.#find(id);
    if (piece === NONE) return undefined;
    return packed.conditionsOf(this.#slab.pageAt(piece), this.#slab.offsetAt(piece), this.#slab.lengthAt(piece));
  }

  /** False where the key is too long to be kept; then there is no such key. */
  set(id: string, row: ApiKeyRow, conditions: string): boolean {
    const account = this.#accounts.take(row.accountId);
    const plan = row.planId === null ? undefined : this.#plans.intern(row.planId);
    const length = packed.writeKey(this.#written, id, row, { account, plan, conditions });
    const former = this.#find(id);
    if (former !== NONE && this.#isAsWritten(former, length)) {
      this.#accounts.giveBack(account);
      if (plan !== undefined) this.#plans.release(plan);
      return true;
    }
    if (former !== NONE) this.#remove(former);
    if (length < 0) {
      this.#accounts.giveBack(account);
      if (plan !== undefined) this.#plans.release(plan);
      return false;
    }
    const piece = this.#slab.add(this.#written, length);
    this.#byDigest.add(readUint32(this.#written, packed.DIGEST), piece);
    this.#byId.add(hashOfId(this.#written, packed.ID), piece);
    return true;
  }

  delete(id: string): void {
    const piece = this.#find(id);
    if (piece !== NONE) this.#remove(piece);
  }

  #remove(piece: number): void {
    const page = this.#slab.pageAt(piece);
    const start = this.#slab.offsetAt(piece);
    this.#recent.drop(piece);
    this.#byDigest.remove(readUint32(page, start + packed.DIGEST), piece);
    this.#byId.remove(hashOfId(page, start + packed.ID), piece);
    const plan = packed.planOf(page, start);
    if (plan !== undefined) this.#plans.release(plan);
    this.#accounts.giveBack(packed.accountOf(page, start));
    this.#slab.remove(piece);
  }

  #recentAt(piece: number): CachedKey {
    const page = this.#slab.pageAt(piece);
    const start = this.#slab.offsetAt(piece);
    const account = packed.accountOf(page, start);
    const plan = packed.planOf(page, start);
    const planId = plan === undefined ? this.#accounts.planAt(account) : this.#plans.textFor(plan);
    const known = this.#recent.ofPiece(piece);
    if (known !== undefined && known.key.planId === planId) {
      known.version = this.#accounts.version;
      known.wasUsed = true;
      return known;
    }
    const conditions = packed.conditionsOf(page, start, this.#slab.lengthAt(piece));
    const key: KeyRecord = {
      id: readId(page, start + packed.ID),
      counterId: packed.counterIdOf(page, start),
      accountId: this.#accounts.idAt(account),
      planId,
      policy: conditions === '' ? NO_POLICY : readConditions(conditions),
      disabled: packed.isDisabled(page, start),
      expiresAt: packed.expiryOf(page, start),
      notedInMinute: 0,
    };
    return this.#recent.keep(piece, key, this.#accounts.version);
  }

  #find(id: string): number {
    this.#askedIdEnd = writeId(this.#askedId, packed.ID, id);
    return this.#askedIdEnd < 0 ? NONE : this.#byId.find(hashOfId(this.#askedId, packed.ID), this.#hasAskedId);
  }

  readonly #hasAskedId = (piece: number): boolean => {
    const page = this.#slab.pageAt(piece);
    const start = this.#slab.offsetAt(piece);
    for (let at = packed.ID; at < this.#askedIdEnd; at++) if (page[start + at] !== this.#askedId[at]) return false;
    return true;
  };

  readonly #hasAskedDigest = (piece: number): boolean => {
    const page = this.#slab.pageAt(piece);
    const start = this.#slab.offsetAt(piece) + packed.DIGEST;
    for (let at = 0; at < packed.DIGEST_BYTES; at++) if (page[start + at] !== this.#askedDigest[at]) return false;
    return true;
  };

  #isAsWritten(piece: number, length: number): boolean {
    if (this.#slab.lengthAt(piece) !== length) return false;
    const page = this.#slab.pageAt(piece);
    const start = this.#slab.offsetAt(piece);
    for (let at = 0; at < length; at++) if (page[start + at] !== this.#written[at]) return false;
    return true;
  }
}

/** They were read once, before they were kept. */
function readConditions(written: string): ApiKeyPolicy {
  const conditions = parseApiKeyPolicy(JSON.parse(written) as ApiKeyPolicySpec);
  if ('faults' in conditions) throw new Error('an API key is kept that cannot be read');
  return conditions;
}
