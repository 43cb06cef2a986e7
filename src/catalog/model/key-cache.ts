import { ClockRing } from '../../collections/clock-ring.ts';
import type { KeyRecord } from '../../decide/ports.ts';
import type { SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';
import { parseHexDigit } from './hex.ts';

/** Each takes about 2 KB, with what other caches hold by its record (decide/check/charge-cache.ts). */
const MAX_CACHED_KEYS = 32_768;

const PREFIX_DIGITS = 8;

export interface CachedKey {
  /** Address in the KeyTable. */
  readonly address: number;
  readonly record: KeyRecord;
  /** Those of the key's account that the record was made with; undefined: the account had none. */
  readonly accountLimits: readonly SupersededLimitSpec[] | undefined;
  /** In hex; undefined: the key was never looked up by its digest. */
  digest: string | undefined;
  /** AccountTable.version when the record was last known to be right. */
  accountVersion: number;
  /** Whether the key was looked up since the hand of the ring last passed it. */
  wasUsed: boolean;
}

/**
 * Caches the records of keys that are in use. A key has one record for as long as it does not change, because other
 * caches are keyed by the record. Finding a key by its digest does not touch the packed keys: among a million of them,
 * hardly any is in the CPU's cache.
 */
export class KeyCache {
  readonly #byAddress = new Map<number, CachedKey>();
  /**
   * By the first 32 bits of the digest: a Map does not have to hash a small number. Of two digests that begin alike,
   * one is indexed.
   */
  readonly #byDigestPrefix = new Map<number, CachedKey>();
  /** Evicts keys that were not looked up lately. */
  readonly #ring = new ClockRing<CachedKey>(MAX_CACHED_KEYS);

  findByAddress(address: number): CachedKey | undefined {
    return this.#byAddress.get(address);
  }

  /** `digest` is in hex. */
  findByDigest(digest: string): CachedKey | undefined {
    const cached = this.#byDigestPrefix.get(parseDigestPrefix(digest));
    return cached?.digest === digest ? cached : undefined;
  }

  /** Lets a cached key be found by its digest from now on. */
  indexByDigest(cached: CachedKey, digest: string): void {
    cached.digest = digest;
    this.#byDigestPrefix.set(parseDigestPrefix(digest), cached);
  }

  /** Caches the record of a key. Replaces the record that the key had. */
  add(entry: Pick<CachedKey, 'address' | 'record' | 'accountLimits' | 'accountVersion'>): CachedKey {
    const { address } = entry;
    this.delete(address);
    const cached: CachedKey = { ...entry, digest: undefined, wasUsed: false };
    this.#byAddress.set(address, cached);
    const slot = this.#ring.nextSlot();
    const evicted = this.#ring.get(slot);
    if (evicted !== undefined) this.#forget(evicted);
    this.#ring.set(slot, cached);
    return cached;
  }

  delete(address: number): void {
    const cached = this.#byAddress.get(address);
    if (cached !== undefined) this.#forget(cached);
  }

  /** Leaves the key's slot in the ring to be reused. Another key may have its address or its digest prefix by now. */
  #forget(cached: CachedKey): void {
    cached.wasUsed = false;
    if (this.#byAddress.get(cached.address) === cached) this.#byAddress.delete(cached.address);
    if (cached.digest === undefined) return;
    const prefix = parseDigestPrefix(cached.digest);
    if (this.#byDigestPrefix.get(prefix) === cached) this.#byDigestPrefix.delete(prefix);
  }
}

function parseDigestPrefix(digest: string): number {
  let prefix = 0;
  for (let index = 0; index < PREFIX_DIGITS; index++) prefix = (prefix << 4) | parseHexDigit(digest, index);
  return prefix;
}
