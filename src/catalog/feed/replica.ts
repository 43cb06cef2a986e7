import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '../../decide/ports.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Query } from '../../interfaces/query.ts';
import { ReadModel } from '../model/read-model.ts';
import type { CatalogEntry } from './catalog-rows.ts';
import { currentPosition, type FeedPosition, readChanges } from './change-feed.ts';
import { CHANGES_KEPT_MS } from './prune.ts';
import { readAll } from './snapshot.ts';

export interface CatalogOptions {
  readonly query: Query;
  /** Of an API key's secret, in hex. */
  digest(secret: string): string;
  /** Likewise, by the peppers before: a key that the newest does not find is looked for by these. */
  readonly formerDigests?: readonly ((secret: string) => string)[];
  readonly log: Logger;
  /** ms for which the catalog may be cut off before it lets nobody in; undefined: without end. */
  readonly catalogMaxStalenessMs?: number | undefined;
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
/** That are read at once after a load: many pour in while it lasts, and otherwise it would have been in vain. */
const MOST_CHANGES_SINCE_LOADING = 200_000;
/** Entries that are taken in without a pause for decisions: about 1 ms. */
const STEP = 250;

/** Rows are kept longer than that, so a reader that comes back earlier finds all that it missed. */
const LONGEST_GAP_MS = CHANGES_KEPT_MS / 2;

/** Loads the catalog (rejects if that fails), then follows its changes until it is stopped. */
export async function startCatalog(options: CatalogOptions): Promise<RunningCatalog> {
  const { catalogMaxStalenessMs: maxStalenessMs } = options;
  const follower = new Follower(options);
  await follower.load();
  const following = follower.follow();
  return {
    keyBySecret: (secret) => follower.model.keyBySecret(secret),
    key: (id) => follower.model.key(id),
    account: (id) => follower.model.account(id),
    plan: (id) => follower.model.plan(id),
    get trust() {
      return follower.model.trust;
    },
    isRevoked: (token) => follower.model.isRevoked(token),
    get staleness() {
      return follower.staleness;
    },
    get isTooStale() {
      return maxStalenessMs !== undefined && follower.staleness > maxStalenessMs;
    },
    refresh: () => follower.refresh(),
    async stop() {
      await follower.stop();
      await following;
    },
  };
}

class Follower {
  model: ReadModel;
  /** On the clock of performance.now(): when the last statement was sent after which the model was as the database. */
  #syncedAt = 0;
  /** The same by the clock that goes on while the machine is suspended. */
  #syncedAtUnix = 0;
  readonly #options: CatalogOptions;
  readonly #query: Query;
  readonly #stopping = new AbortController();
  #position: FeedPosition | undefined;
  /** By the clock that goes on while the machine is suspended. */
  #polledAtUnix = 0;
  #polling: Promise<void> = Promise.resolve();
  /** Changes were missed, so that the model is no longer as the database. */
  #mustReload = false;
  #reloading: Promise<void> | undefined;
  #reloadNotBefore = 0;

  constructor(options: CatalogOptions) {
    this.#options = options;
    this.#query = inTime(options.query);
    this.model = new ReadModel(options.digest, options.log, options.formerDigests);
  }

  /** ms since the model was last known to be as the database, by whichever clock says more. */
  get staleness(): number {
    return Math.max(performance.now() - this.#syncedAt, Date.now() - this.#syncedAtUnix);
  }

  /**
   * Into a new model, which takes the old one's place when it is complete. The old one is followed meanwhile: what is
   * changed counts as soon as ever.
   */
  async load(): Promise<void> {
    const { digest, log, formerDigests } = this.#options;
    const model = new ReadModel(digest, log, formerDigests);
    const position = await currentPosition(this.#query);
    for await (const page of readAll(this.#query)) {
      await applyAll(model, page);
      this.#stopping.signal.throwIfAborted();
    }
    await this.#afterOthers(async () => {
      const sent = now();
      const changes = await readChanges(this.#query, position, MOST_CHANGES_SINCE_LOADING);
      if (changes.reload !== null) throw new Error(changes.reload);
      await applyAll(model, changes.entries);
      this.model = model;
      this.#mustReload = false;
      this.#noteSync(sent, changes.position);
    });
  }

  async follow(): Promise<void> {
    const { signal } = this.#stopping;
    const { log } = this.#options;
    let failures = 0;
    for (;;) {
      const backoff = Math.min(POLL_MS * 2 ** failures, LONGEST_BACKOFF_MS);
      await sleep(backoff, undefined, { signal }).catch(() => {}); // an abort is no fault: it is what the loop ends by
      if (signal.aborted) return;
      try {
        await this.#afterOthers(() => this.#poll());
        if (failures > 0) log.info({}, 'the catalog is followed again');
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) log.error({ err: error }, 'the catalog cannot be read; decisions go on with what is known');
      }
    }
  }

  async refresh(): Promise<void> {
    await this.#afterOthers(() => this.#poll()).catch(() => {}); // the loop will fail likewise, tell of it, and try again
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#polling.catch(() => {});
    await this.#reloading;
  }

  /** One at a time: two that overlap could set the position back. */
  #afterOthers(action: () => Promise<void>): Promise<void> {
    this.#polling = this.#polling.catch(() => {}).then(action);
    return this.#polling;
  }

  async #poll(): Promise<void> {
    const sent = now();
    if (this.#position === undefined || Date.now() - this.#polledAtUnix > LONGEST_GAP_MS) {
      this.#mustReload = true;
      this.#position = await currentPosition(this.#query);
    }
    const changes = await readChanges(this.#query, this.#position);
    if (changes.reload !== null) {
      this.#options.log.warn({ reason: changes.reload }, 'the catalog is loaded anew');
      this.#mustReload = true;
    }
    await applyAll(this.model, changes.entries);
    this.#noteSync(sent, changes.position);
    if (this.#mustReload) this.#reload();
  }

  /** `sent`: when the statement was. */
  #noteSync({ steady, unix }: Moment, position: FeedPosition): void {
    this.#position = position;
    this.#polledAtUnix = Date.now();
    if (this.#mustReload) return;
    this.#syncedAt = steady;
    this.#syncedAtUnix = unix;
  }

  #reload(): void {
    if (this.#reloading !== undefined || performance.now() < this.#reloadNotBefore) return;
    const { log } = this.#options;
    this.#reloading = this.load()
      .then(() => log.info({}, 'the catalog was loaded anew'))
      .catch((error: unknown) => {
        if (this.#stopping.signal.aborted) return;
        this.#reloadNotBefore = performance.now() + LONGEST_BACKOFF_MS;
        log.error({ err: error }, 'the catalog could not be loaded anew; it will be tried again');
      })
      .finally(() => {
        this.#reloading = undefined;
      });
  }
}

/** ms, on the clock of performance.now() and since 1970. */
interface Moment {
  readonly steady: number;
  readonly unix: number;
}

function now(): Moment {
  return { steady: performance.now(), unix: Date.now() };
}

/** In steps, as decisions go on meanwhile. */
async function applyAll(model: ReadModel, entries: Iterable<CatalogEntry>): Promise<void> {
  let applied = 0;
  for (const entry of entries) {
    model.apply(entry);
    applied += 1;
    if (applied % STEP === 0) await nextTurn();
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
