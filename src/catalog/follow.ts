import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../core/logger.ts';
import type { Catalog } from '../decide/ports.ts';
import { currentPosition, type Position, type Query, readAll, readChanges } from './feed.ts';
import { CHANGES_KEPT_MS } from './prune.ts';
import { ReadModel } from './read-model.ts';

export interface CatalogOptions {
  readonly query: Query;
  /** Of an API key's secret, in hex. */
  digest(secret: string): string;
  readonly log: Logger;
}

export interface RunningCatalog extends Catalog {
  /** ms since the catalog was last known to be the current one. */
  readonly staleness: number;
  /** Reads what has been committed until now; does not reject, as following goes on anyway. */
  refresh(): Promise<void>;
  /** Ends following; the catalog goes on answering from what it knows. */
  stop(): Promise<void>;
}

const POLL_MS = 200;
const LONGEST_BACKOFF_MS = 2_000;
const QUERY_TIMEOUT_MS = 5_000;

/** Rows are kept longer than that, so a reader that comes back earlier finds all that it missed. */
const LONGEST_GAP_MS = CHANGES_KEPT_MS / 2;

/** Loads the catalog (rejects if that fails), then follows its changes until it is stopped. */
export async function startCatalog(options: CatalogOptions): Promise<RunningCatalog> {
  const follower = new Follower(options);
  await follower.load();
  const stopping = new AbortController();
  const following = follower.follow(stopping.signal);
  return {
    keyOfSecret: (secret) => follower.model.keyOfSecret(secret),
    key: (id) => follower.model.key(id),
    account: (id) => follower.model.account(id),
    plan: (id) => follower.model.plan(id),
    get trust() {
      return follower.model.trust;
    },
    isRevoked: (token) => follower.model.isRevoked(token),
    get staleness() {
      return performance.now() - follower.syncedAt;
    },
    refresh: () => follower.refresh(),
    async stop() {
      stopping.abort();
      await following;
    },
  };
}

class Follower {
  model: ReadModel;
  /** On the clock of performance.now(): when the last statement that succeeded was sent. */
  syncedAt = 0;
  readonly #options: CatalogOptions;
  #position: Position = '';
  #mustReload = false;
  /** By the clock that goes on while the machine is suspended. */
  #syncedAtUnix = 0;
  #polling: Promise<void> = Promise.resolve();

  constructor(options: CatalogOptions) {
    this.#options = options;
    this.model = new ReadModel(options.digest, options.log);
  }

  /** Into a new model, which takes the old one's place when it is complete. */
  async load(): Promise<void> {
    const model = new ReadModel(this.#options.digest, this.#options.log);
    const query = inTime(this.#options.query);
    this.#mustReload = true;
    const position = await currentPosition(query);
    for await (const page of readAll(query)) {
      for (const entry of page) model.apply(entry);
      await nextTurn(); // Pages may all be there already, and decisions go on meanwhile.
    }
    await this.#catchUp(model, position);
    this.model = model;
    this.#mustReload = false;
  }

  async follow(signal: AbortSignal): Promise<void> {
    let failures = 0;
    for (;;) {
      const backoff = Math.min(POLL_MS * 2 ** failures, LONGEST_BACKOFF_MS);
      await sleep(backoff, undefined, { signal }).catch(() => {}); // an abort is no fault: it is what the loop ends by
      if (signal.aborted) return;
      try {
        await this.#pollAfterOthers();
        if (failures > 0) this.#options.log.info({}, 'the catalog is followed again');
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) {
          this.#options.log.error({ err: error }, 'the catalog cannot be read; decisions go on with what is known');
        }
      }
    }
  }

  async refresh(): Promise<void> {
    await this.#pollAfterOthers().catch(() => {}); // the loop will fail likewise, tell of it, and try again
  }

  /** One at a time: two that overlap could set the position back. */
  #pollAfterOthers(): Promise<void> {
    this.#polling = this.#polling.catch(() => {}).then(() => this.#poll());
    return this.#polling;
  }

  async #poll(): Promise<void> {
    if (this.#mustReload || Date.now() - this.#syncedAtUnix > LONGEST_GAP_MS) return this.load();
    await this.#catchUp(this.model, this.#position);
  }

  async #catchUp(model: ReadModel, since: Position): Promise<void> {
    const sentAt = performance.now();
    const changes = await readChanges(inTime(this.#options.query), since);
    if (changes.restored) {
      this.#mustReload = true; // stays so until a load succeeds
      throw new Error('the database was set back; the catalog is loaded anew');
    }
    for (const entry of changes.entries) model.apply(entry);
    this.#position = changes.position;
    this.syncedAt = sentAt;
    this.#syncedAtUnix = Date.now();
  }
}

/** A connection whose other end vanished without a word must not hold up the feed until TCP gives up. */
function inTime(query: Query): Query {
  return async (sql, parameters) => {
    const timeout = new AbortController();
    const tooLate = sleep(QUERY_TIMEOUT_MS, undefined, { signal: timeout.signal }).then(() => {
      throw new Error(`Postgres did not answer within ${QUERY_TIMEOUT_MS} ms`);
    });
    try {
      return await Promise.race([query(sql, parameters), tooLate]);
    } finally {
      timeout.abort();
      tooLate.catch(() => {}); // aborting rejects it, and nobody waits for it any more
    }
  };
}
