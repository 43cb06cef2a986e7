import type { JsonWebKeySet } from '../../domain/tokens/issuer-keys.ts';
import type { TokenHeader } from '../../domain/tokens/token-header.ts';
import { type Key, KeysUnavailable, keysIn, type TokenKeys } from './verification-keys.ts';

const MINUTE = 60_000;
/** ms for which fetched keys are used without a look whether there are others. */
const FRESH = 5 * MINUTE;
/** ms for which they are used while the issuer cannot be reached: a key may have been withdrawn since. */
const STALE = 60 * MINUTE;
/** ms between two fetches, however many tokens name keys that are not known; after a failure less. */
const COOLDOWN = 10_000;
const COOLDOWN_OF_FAILURE = 5_000;
/** Tokens that wait for one fetch: others must not lose their place to an issuer that does not answer. */
const MOST_WAITING = 256;

export interface RemoteKeySetOptions {
  fetch(): Promise<JsonWebKeySet>;
  /** ms, on a clock that never steps. */
  now(): number;
  /** Is told of each fetch; undefined: it went well. */
  onFetched(problem: unknown): void;
}

/** The keys of an issuer that others keep: fetched when they are needed, and used on while that fails, for a while. */
export class RemoteKeySet implements TokenKeys {
  readonly #parts: RemoteKeySetOptions;
  #find: TokenKeys['find'] | undefined;
  #ids: ReadonlySet<unknown> = new Set();
  #fetchedAt = Number.NEGATIVE_INFINITY;
  /** Before it nothing is fetched again. */
  #nextAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;
  #fetching: Promise<void> | undefined;
  #waiting = 0;

  constructor(parts: RemoteKeySetOptions) {
    this.#parts = parts;
  }

  prepare({ keyId }: TokenHeader): Promise<void> | undefined {
    const age = this.#parts.now() - this.#fetchedAt;
    if (age > STALE) return this.#wait();
    const isUnknown = keyId !== undefined && !this.#ids.has(keyId);
    // It may be a new one: but for a flood of made-up ones nobody is asked more often.
    if (isUnknown && (this.#mayFetch || this.#hasFailed)) return this.#wait();
    if (age > FRESH && this.#mayFetch) void this.#fetch().catch(() => {}); // onFetched is told
    return undefined;
  }

  async find(header: TokenHeader): Promise<readonly Key[]> {
    return this.#find === undefined ? [] : this.#find(header);
  }

  get #mayFetch(): boolean {
    return this.#fetching !== undefined || this.#parts.now() >= this.#nextAt;
  }

  async #wait(): Promise<void> {
    if (!this.#mayFetch || this.#waiting >= MOST_WAITING) throw new KeysUnavailable('the keys could not be fetched');
    this.#waiting++;
    try {
      await this.#fetch();
    } catch (cause) {
      throw new KeysUnavailable('the keys could not be fetched', { cause });
    } finally {
      this.#waiting--;
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
      const set = await this.#parts.fetch();
      this.#find = keysIn(set);
      this.#ids = new Set(set.keys.map(({ kid }) => kid));
      this.#fetchedAt = this.#parts.now();
      this.#nextAt = this.#fetchedAt + COOLDOWN;
      this.#hasFailed = false;
      this.#parts.onFetched(undefined);
    } catch (problem) {
      this.#nextAt = this.#parts.now() + COOLDOWN_OF_FAILURE;
      this.#hasFailed = true;
      this.#parts.onFetched(problem);
      throw problem;
    }
  }
}
