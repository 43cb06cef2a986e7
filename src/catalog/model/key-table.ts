import { HashIndex, NONE } from '../../collections/hash-index.ts';
import { roundUpToQuarterPower, Slab } from '../../collections/slab.ts';
import type { StringInterner } from '../../collections/string-interner.ts';
import { readUint32 } from '../../collections/uint32.ts';
import type { KeyRecord } from '../../decide/ports.ts';
import type { AccountState } from '../../domain/account-state.ts';
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
  readDigest,
  readDisabled,
  readExpiresAt,
  readImported,
  readPlanNumber,
  readPolicyJson,
  writeDigest,
  writeKey,
} from './packed-key.ts';

/**
 * All API keys, packed: about 80 bytes each, including the indexes by digest and by id. Only keys that are in use have
 * an object, the record. A record includes the plan and the state of the key's account. When these change, the key gets a
 * new record. A key whose account is not in the catalog has none: it is not found.
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
  #importedCount = 0;
  /** The key that was packed last. */
  readonly #packed = new Uint8Array(MAX_KEY_BYTES);

  constructor(accounts: AccountTable, planNames: StringInterner) {
    this.#accounts = accounts;
    this.#planNames = planNames;
  }

  /** The number of keys that another service issued. */
  get size(): number {
    return this.#addressesById.size;
  }

  get importedCount(): number {
    return this.#importedCount;
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
    if (found !== undefined) this.#cache.indexByDigest(found, digest);
    return found?.record;
  }

  findById(id: string): KeyRecord | undefined {
    const address = this.#find(id);
    return address === NONE ? undefined : this.#getCached(address)?.record;
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
    if (row.imported) this.#importedCount++;
    return true;
  }

  /**
   * Yields all keys as rows. While it is suspended, the table may change. Keys that did not change meanwhile are yielded
   * once.
   */
  *entries(): Generator<{ readonly id: string; readonly record: ApiKeyRow }> {
    for (let address = this.#slab.after(NONE); address !== NONE; address = this.#slab.after(address)) {
      if (this.#isInUse(address)) yield this.#readRow(address);
    }
  }

  delete(id: string): void {
    const address = this.#find(id);
    if (address !== NONE) this.#remove(address);
  }

  /** Whether a key is stored at the address, as opposed to the bytes of a removed one. */
  #isInUse(address: number): boolean {
    const hash = hashId(this.#slab.pageAt(address), this.#slab.offsetAt(address) + ID_OFFSET);
    return this.#addressesById.find(hash, (other) => other === address) !== NONE;
  }

  #readRow(address: number): { readonly id: string; readonly record: ApiKeyRow } {
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address);
    const planNumber = readPlanNumber(page, start);
    const policyJson = readPolicyJson(page, start, this.#slab.lengthAt(address));
    const record = {
      digest: readDigest(page, start),
      imported: readImported(page, start),
      counterId: readCounterId(page, start),
      accountId: this.#accounts.idAt(readAccountAddress(page, start)),
      planId: planNumber === undefined ? null : this.#planNames.textFor(planNumber),
      disabled: readDisabled(page, start),
      policy: policyJson === '' ? null : (JSON.parse(policyJson) as ApiKeyPolicySpec),
      expiresAt: readExpiresAt(page, start) ?? null,
    };
    return { id: readId(page, start + ID_OFFSET), record };
  }

  #remove(address: number): void {
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address);
    this.#cache.delete(address);
    if (readImported(page, start)) this.#importedCount--;
    this.#addressesByDigest.remove(readUint32(page, start + DIGEST_OFFSET), address);
    this.#addressesById.remove(hashId(page, start + ID_OFFSET), address);
    const planNumber = readPlanNumber(page, start);
    if (planNumber !== undefined) this.#planNames.release(planNumber);
    this.#accounts.release(readAccountAddress(page, start));
    this.#slab.remove(address);
  }

  /**
   * Returns the cached record if its account did not change in between, else creates a new one. undefined: the account of
   * the key is not in the catalog.
   */
  #getCached(address: number): CachedKey | undefined {
    const page = this.#slab.pageAt(address);
    const start = this.#slab.offsetAt(address);
    const accountAddress = readAccountAddress(page, start);
    const accountPlanId = this.#accounts.planIdAt(accountAddress);
    if (accountPlanId === undefined) return undefined;
    const accountState = this.#accounts.stateAt(accountAddress);
    const planNumber = readPlanNumber(page, start);
    const planId = planNumber === undefined ? accountPlanId : this.#planNames.textFor(planNumber);
    const accountLimits = this.#accounts.supersededLimitsAt(accountAddress);
    const cached = this.#cache.findByAddress(address);
    if (
      cached?.record.planId === planId &&
      cached.accountLimits === accountLimits &&
      isEqual(cached.record.accountState, accountState)
    ) {
      cached.accountVersion = this.#accounts.version;
      cached.wasUsed = true;
      return cached;
    }
    const policyJson = readPolicyJson(page, start, this.#slab.lengthAt(address));
    const policy = policyJson === '' ? NO_POLICY : parsePolicyJson(policyJson);
    const supersededPlanLimits = [
      ...(policy.supersededPlanLimits ?? []),
      ...(planNumber === undefined ? (accountLimits ?? []) : []),
    ];
    const record: KeyRecord = {
      id: readId(page, start + ID_OFFSET),
      counterId: readCounterId(page, start),
      accountId: this.#accounts.idAt(accountAddress),
      planId,
      policy,
      supersededPlanLimits: supersededPlanLimits.length === 0 ? undefined : supersededPlanLimits,
      disabled: readDisabled(page, start),
      accountState,
      expiresAt: readExpiresAt(page, start),
      notedInMinute: 0,
    };
    return this.#cache.add({ address, record, accountLimits, accountVersion: this.#accounts.version });
  }

  #find(id: string): number {
    this.#soughtKeyEnd = writeId(this.#soughtKey, ID_OFFSET, id);
    if (this.#soughtKeyEnd < 0) return NONE;
    return this.#addressesById.find(hashId(this.#soughtKey, ID_OFFSET), this.#hasSoughtId);
  }

  readonly #hasSoughtId = (address: number): boolean =>
    this.#slab.equals(address, this.#soughtKey, ID_OFFSET, this.#soughtKeyEnd);

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
    return this.#slab.lengthAt(address) === length && this.#slab.equals(address, this.#packed, 0, length);
  }
}

function isEqual(one: AccountState, other: AccountState): boolean {
  return one.disabled === other.disabled && one.blockEndsAt === other.blockEndsAt;
}

/** Policies are parsed once before they are stored, so a stored policy is valid. */
function parsePolicyJson(json: string): ApiKeyPolicy {
  const policy = parseApiKeyPolicy(JSON.parse(json) as ApiKeyPolicySpec);
  if ('faults' in policy) throw new Error('policy: must be valid in a stored key');
  return policy;
}
