import type { JsonWebKeySet } from '../../domain/issuers/issuer-keys.ts';
import type { TokenHeader } from '../../domain/tokens/token-header.ts';
import { type CryptographicKey, createKeyFinder, type KeyResolver, KeysUnavailable } from './key-resolver.ts';

const MINUTE_MS = 60_000;
/** Age from which keys are refetched in the background. */
const MAX_FRESH_MS = 5 * MINUTE_MS;
/** Age up to which keys are used while the issuer is unreachable. It may have withdrawn one of them since. */
const MAX_STALE_MS = 60 * MINUTE_MS;
/** Time between two fetches, however many tokens name unknown keys. */
const FETCH_COOLDOWN_MS = 10_000;
const FAILED_FETCH_COOLDOWN_MS = 5_000;
/** Tokens that wait for one fetch. An issuer that does not respond must leave room for the tokens of others. */
const MAX_WAITING_TOKENS = 256;

export interface RemoteKeySetOptions {
  fetch(): Promise<JsonWebKeySet>;
  /** Returns ms of a monotonic clock. */
  now(): number;
  onFetched(): void;
  onFetchFailed(error: unknown): void;
}

/**
 * Keys that an external issuer publishes. They are fetched when a token needs them, refetched in the background, and
 * used for an hour while the issuer is unreachable.
 *
 * The keys are held and searched by jose (createKeyFinder). The rules of when to fetch are ours. `createRemoteJWKSet`
 * of jose cannot express them:
 *
 * - It measures age by the wall clock. If that clock is set back, withdrawn keys stay valid for as much longer.
 * - It has no cooldown after a failed fetch: each token of an unreachable issuer starts another one.
 * - It has one age limit. Beyond it tokens wait for the fetch and fail with it, instead of using the keys it has.
 * - It does not say in advance whether a look-up will fetch. `prepare` must know, so that other tokens take their turn
 *   meanwhile, and so that only a limited number of tokens waits.
 */
export class RemoteKeySet implements KeyResolver {
  readonly #options: RemoteKeySetOptions;
  /** undefined: nothing was fetched yet. */
  #findKeys: KeyResolver['find'] | undefined;
  #keyIds: ReadonlySet<unknown> = new Set();
  #fetchedAt = Number.NEGATIVE_INFINITY;
  /** No fetch starts before this time. */
  #nextFetchAt = Number.NEGATIVE_INFINITY;
  /** Whether the last fetch failed. */
  #hasFailed = false;
  /** The fetch in progress. Everyone who needs keys meanwhile joins it. */
  #fetching: Promise<void> | undefined;
  #waitingTokens = 0;

  constructor(options: RemoteKeySetOptions) {
    this.#options = options;
  }

  prepare({ keyId }: TokenHeader): Promise<void> | undefined {
    const age = this.#options.now() - this.#fetchedAt;
    if (age > MAX_STALE_MS) return this.#waitForFetch();
    const isUnknown = keyId !== undefined && !this.#keyIds.has(keyId);
    // The key may be new, so fetch. After a failed fetch nobody knows whether it is, so the token is not rejected.
    if (isUnknown && (this.#mayFetch || this.#hasFailed)) return this.#waitForFetch();
    if (age > MAX_FRESH_MS && this.#mayFetch) void this.#fetch().catch(() => {}); // reported by onFetchFailed
    return undefined;
  }

  async find(header: TokenHeader): Promise<readonly CryptographicKey[]> {
    return this.#findKeys === undefined ? [] : this.#findKeys(header);
  }

  /** Whether a fetch can be joined or started now. */
  get #mayFetch(): boolean {
    return this.#fetching !== undefined || this.#options.now() >= this.#nextFetchAt;
  }

  async #waitForFetch(): Promise<void> {
    if (!this.#mayFetch || this.#waitingTokens >= MAX_WAITING_TOKENS) {
      throw new KeysUnavailable('the keys of the issuer are unavailable');
    }
    this.#waitingTokens++;
    try {
      await this.#fetch();
    } catch (cause) {
      throw new KeysUnavailable('the keys of the issuer are unavailable', { cause });
    } finally {
      this.#waitingTokens--;
    }
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchOnce(): Promise<void> {
    try {
      const set = await this.#options.fetch();
      this.#findKeys = createKeyFinder(set);
      this.#keyIds = new Set(set.keys.map(({ kid }) => kid));
      this.#fetchedAt = this.#options.now();
      this.#nextFetchAt = this.#fetchedAt + FETCH_COOLDOWN_MS;
      this.#hasFailed = false;
      this.#options.onFetched();
    } catch (error) {
      this.#nextFetchAt = this.#options.now() + FAILED_FETCH_COOLDOWN_MS;
      this.#hasFailed = true;
      this.#options.onFetchFailed(error);
      throw error;
    }
  }
}
