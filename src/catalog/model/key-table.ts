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
import { hashId, readId, writeId } from './packed-id.ts';
import {
  DIGEST_BYTES,
  DIGEST_OFFSET,
  ID_OFFSET,
  MAX_KEY_BYTES,
  MAX_KEY_PREFIX_BYTES,
  readAccountAddress,
  readCounterId,
  readDisabled,
  readExpiresAt,
  readPlanNumber,
  readPolicyJson,
  writeDigest,
  writeKey,
} from './packed-key.ts';

/**
 * All API keys, packed: about 80 bytes each, including the indexes by digest and by id. Only keys that are in use have
 * an object, the record. A record includes the plan of the key's account. When that changes, the key gets a new record.
 */
export class KeyTable {
  readonly #accounts: AccountTable;
  readonly #planNames: StringInterner;
  readonly #slab = new Slab({ grainBytes: 8, roundUp: roundUpToQuarterPower });
  /** By the first 32 bits of the digest, which is as good as a hash. */
  readonly #addressesByDigest = new HashIndex();
  readonly #addressesById = new HashIndex();
  readonly #cache = new KeyCache();
  /** The digest that was looked up last. */
  readonly #soughtDigest = new Uint8Array(DIGEST_BYTES);
  /** The key that was looked up last by its id; only its id is valid. */
  readonly #soughtKey = new Uint8Array(MAX_KEY_PREFIX_BYTES);
  /** Offset after the id in `#soughtKey`; -1 if the id was too long. */
  #soughtKeyEnd = 0;
  /** The key that was packed last. */
  readonly #packed = new Uint8Array(MAX_KEY_BYTES);

  constructor(accounts: AccountTable, planNames: StringInterner) {
    this.#accounts = accounts;
    this.#planNames = planNames;
  }

  /** `digest` is in hex. */
  findByDigest(digest: string): KeyRecord | undefined {
    const cached = this.#cache.findByDigest(digest);
    if (cached !== undefined && cached.accountVersion === this.#accounts.version) {
      cached.wasUsed = true;
      return cached.record;
    }
    writeDigest(this.#soughtDigest, 0, digest);
    const address = this.#addressesByDigest.find(readUint32(this.#soughtDigest, 0), this.#hasSoughtDigest);
    if (address === NONE) return undefined;
    const found = this.#getCached(address);
    this.#cache.indexByDigest(found, digest);
    return found.record;
  }

  findById(id: string): KeyRecord | undefined {
    const address = this.#find(id);
    return address === NONE ? undefined : this.#getCached(address).record;
  }

  /** Returns the policy of a key as JSON, empty if it has none of its own. undefined: there is no such key. */
  findPolicyJson(id: string): string | undefined {
    const address = this.#find(id);
    if (address === NONE) return undefined;
    return readPolicyJson(this.#slab.pageAt(address), this.#slab.offsetAt(address), this.#slab.lengthAt(address));
  }

  /**
   * Adds or replaces a key. `policyJson` is its policy, empty if it has none of its own. Returns false if the key is
   * too long; the table then has no such key.
   */
  set(id: string, row: ApiKeyRow, policyJson: string): boolean {
    const accountAddress = this.#accounts.retain(row.accountId);
    const planNumber = row.planId === null ? undefined : this.#planNames.intern(row.planId);
    const length = writeKey(this.#packed, id, row, { accountAddress, planNumber, policyJson });
    const existing = this.#find(id);
    const isUnchanged = existing !== NONE && this.#equalsPacked(existing, length);
    if (existing !== NONE && !isUnchanged) this.#remove(existing);
    if (isUnchanged || length < 0) {
      // The new key is not stored, so it refers to nothing.
      this.#accounts.release(accountAddress);
      if (planNumber !== undefined) this.#planNames.release(planNumber);
      return isUnchanged;
    }
    const address = this.#slab.add(this.#packed, length);
    this.#addressesByDigest.add(readUint32(this.#packed, DIGEST_OFFSET), address);
    this.#addressesById.add(hashId(this.#packed, ID_OFFSET), address);
    return true;
  }

  delete(id: string): void {
    const address = this.#find(id);
    if (address !== NONE) this.#remove(address);
  }

  #remove(address: number): void {
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address);
    this.#cache.delete(address);
    this.#addressesByDigest.remove(readUint32(page, start + DIGEST_OFFSET), address);
    this.#addressesById.remove(hashId(page, start + ID_OFFSET), address);
    const planNumber = readPlanNumber(page, start);
    if (planNumber !== undefined) this.#planNames.release(planNumber);
    this.#accounts.release(readAccountAddress(page, start));
    this.#slab.remove(address);
  }

  /** Returns the cached record if it still has the right plan, else creates a new one. */
  #getCached(address: number): CachedKey {
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address);
    const accountAddress = readAccountAddress(page, start);
    const planNumber = readPlanNumber(page, start);
    const planId =
      planNumber === undefined ? this.#accounts.planIdAt(accountAddress) : this.#planNames.textFor(planNumber);
    const cached = this.#cache.findByAddress(address);
    if (cached !== undefined && cached.record.planId === planId) {
      cached.accountVersion = this.#accounts.version;
      cached.wasUsed = true;
      return cached;
    }
    const policyJson = readPolicyJson(page, start, this.#slab.lengthAt(address));
    const record: KeyRecord = {
      id: readId(page, start + ID_OFFSET),
      counterId: readCounterId(page, start),
      accountId: this.#accounts.idAt(accountAddress),
      planId,
      policy: policyJson === '' ? NO_POLICY : parsePolicyJson(policyJson),
      disabled: readDisabled(page, start),
      expiresAt: readExpiresAt(page, start),
      notedInMinute: 0,
    };
    return this.#cache.add(address, record, this.#accounts.version);
  }

  #find(id: string): number {
    this.#soughtKeyEnd = writeId(this.#soughtKey, ID_OFFSET, id);
    if (this.#soughtKeyEnd < 0) return NONE;
    return this.#addressesById.find(hashId(this.#soughtKey, ID_OFFSET), this.#hasSoughtId);
  }

  readonly #hasSoughtId = (address: number): boolean => {
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address);
    for (let offset = ID_OFFSET; offset < this.#soughtKeyEnd; offset++) {
      if (page[start + offset] !== this.#soughtKey[offset]) return false;
    }
    return true;
  };

  readonly #hasSoughtDigest = (address: number): boolean => {
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address) + DIGEST_OFFSET;
    for (let offset = 0; offset < DIGEST_BYTES; offset++) {
      if (page[start + offset] !== this.#soughtDigest[offset]) return false;
    }
    return true;
  };

  /** Whether a stored key is equal to the one that was packed last, with this length. */
  #equalsPacked(address: number, length: number): boolean {
    if (this.#slab.lengthAt(address) !== length) return false;
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address);
    for (let offset = 0; offset < length; offset++) if (page[start + offset] !== this.#packed[offset]) return false;
    return true;
  }
}

/** Policies are parsed once before they are stored, so a stored policy is valid. */
function parsePolicyJson(json: string): ApiKeyPolicy {
  const policy = parseApiKeyPolicy(JSON.parse(json) as ApiKeyPolicySpec);
  if ('faults' in policy) throw new Error('policy: must be valid in a stored key');
  return policy;
}
