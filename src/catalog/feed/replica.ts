import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { AccountRecord, Catalog, KeyRecord } from '../../decide/ports.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { TokenTrust, VerifiedToken } from '../../domain/tokens/token.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Query } from '../../interfaces/query.ts';
import { ReadModel } from '../model/read-model.ts';
import type { CatalogEntry } from './catalog-rows.ts';
import { type FeedPosition, readChanges, readPosition } from './change-feed.ts';
import { MIN_CHANGE_RETENTION_MS } from './prune.ts';
import { readSnapshot } from './snapshot.ts';

export interface CatalogReplicaOptions {
  readonly query: Query;
  /** Computes the digest of an API key, in hex. */
  digest(secret: string): string;
  /** Digests with earlier peppers. A key that is not found by `digest` is looked up by these. */
  readonly formerDigests?: readonly ((secret: string) => string)[];
  readonly log: Logger;
  /** Staleness in ms from which the replica lets no credential in. undefined: no limit. */
  readonly maxStalenessMs?: number | undefined;
}

/** This node's copy of the catalog, which follows the changes in the database. */
export interface CatalogReplica extends Catalog {
  /** Time in ms since the copy was last known to be current. */
  readonly staleness: number;
  /**
   * Applies everything that has been committed so far. Never rejects: the replica keeps following the changes anyway.
   */
  refresh(): Promise<void>;
  /** Stops following the changes. The copy can still be read. */
  stop(): Promise<void>;
}

const POLL_INTERVAL_MS = 200;
const MAX_BACKOFF_MS = 2_000;
const QUERY_TIMEOUT_MS = 5_000;
/**
 * Changes that are read at once after a load. More than usual, because many can arrive while a load lasts, and
 * otherwise the load would have been in vain.
 */
const MAX_CHANGES_AFTER_LOAD = 200_000;
/** Entries that are applied before decisions get a turn: about 1 ms. */
const ENTRIES_PER_TURN = 250;
/** Half the time that changes are retained. A replica that polls again before this finds all changes that it missed. */
const MAX_POLL_GAP_MS = MIN_CHANGE_RETENTION_MS / 2;

/** Loads the catalog, then follows its changes until it is stopped. Rejects if the load fails. */
export async function startCatalogReplica(options: CatalogReplicaOptions): Promise<CatalogReplica> {
  const replica = new FollowingReplica(options);
  await replica.load();
  replica.startFollowing();
  return replica;
}

class FollowingReplica implements CatalogReplica {
  readonly #options: CatalogReplicaOptions;
  readonly #query: Query;
  readonly #stopping = new AbortController();
  #model: ReadModel;
  /** When the last statement was sent that made the model equal to the database. */
  #syncedAt: Moment = { monotonic: 0, wall: 0 };
  /** undefined: nothing was read yet. */
  #position: FeedPosition | undefined;
  /** By the wall clock, which also runs while the machine is suspended. */
  #polledAt = 0;
  /** The last poll or load; the next one starts after it. */
  #reading: Promise<void> = Promise.resolve();
  /** Whether changes were missed, so the model is not equal to the database any more. */
  #mustReload = false;
  /** The reload in progress. */
  #reloading: Promise<void> | undefined;
  /** By the monotonic clock. */
  #nextReloadAt = 0;
  #following: Promise<void> | undefined;

  constructor(options: CatalogReplicaOptions) {
    this.#options = options;
    this.#query = withTimeout(options.query);
    this.#model = this.#createModel();
  }

  keyBySecret(secret: string): KeyRecord | undefined {
    return this.#model.keyBySecret(secret);
  }

  key(id: string): KeyRecord | undefined {
    return this.#model.key(id);
  }

  account(id: string): AccountRecord | undefined {
    return this.#model.account(id);
  }

  plan(id: string): Plan | undefined {
    return this.#model.plan(id);
  }

  get trust(): TokenTrust {
    return this.#model.trust;
  }

  isRevoked(token: VerifiedToken): boolean {
    return this.#model.isRevoked(token);
  }

  /**
   * By the clock that says more: the monotonic one may stop while the machine is suspended, the other one may be set.
   */
  get staleness(): number {
    return Math.max(performance.now() - this.#syncedAt.monotonic, Date.now() - this.#syncedAt.wall);
  }

  get isTooStale(): boolean {
    const { maxStalenessMs } = this.#options;
    return maxStalenessMs !== undefined && this.staleness > maxStalenessMs;
  }

  /**
   * Loads the whole catalog into a new model, which then replaces the old one. The old model keeps following the
   * changes meanwhile, so they take effect as fast as ever.
   */
  async load(): Promise<void> {
    const model = this.#createModel();
    const position = await readPosition(this.#query);
    for await (const page of readSnapshot(this.#query)) {
      await applyEntries(model, page);
      this.#stopping.signal.throwIfAborted();
    }
    await this.#readInTurn(async () => {
      const sentAt = readClocks();
      const changes = await readChanges(this.#query, position, MAX_CHANGES_AFTER_LOAD);
      if (changes.reloadReason !== null) throw new Error(changes.reloadReason);
      await applyEntries(model, changes.entries);
      this.#model = model;
      this.#mustReload = false;
      this.#recordRead(sentAt, changes.position);
    });
  }

  startFollowing(): void {
    this.#following = this.#follow();
  }

  async refresh(): Promise<void> {
    await this.#readInTurn(() => this.#poll()).catch(() => {}); // the next poll fails as well, and logs it
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#reading.catch(() => {});
    await this.#reloading;
    await this.#following;
  }

  #createModel(): ReadModel {
    const { digest, log, formerDigests } = this.#options;
    return new ReadModel(digest, log, formerDigests);
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    const { log } = this.#options;
    let failures = 0;
    for (;;) {
      const backoff = Math.min(POLL_INTERVAL_MS * 2 ** failures, MAX_BACKOFF_MS);
      await sleep(backoff, undefined, { signal }).catch(() => {}); // rejects when the replica stops
      if (signal.aborted) return;
      try {
        await this.#readInTurn(() => this.#poll());
        if (failures > 0) log.info({}, 'reading the catalog works again');
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) log.error({ err: error }, 'could not read the catalog; serving the last known copy');
      }
    }
  }

  /** Runs one action at a time. If two overlapped, the older one could set the position back. */
  #readInTurn(action: () => Promise<void>): Promise<void> {
    this.#reading = this.#reading.catch(() => {}).then(action);
    return this.#reading;
  }

  async #poll(): Promise<void> {
    const sentAt = readClocks();
    if (this.#position === undefined || Date.now() - this.#polledAt > MAX_POLL_GAP_MS) {
      this.#mustReload = true;
      this.#position = await readPosition(this.#query);
    }
    const changes = await readChanges(this.#query, this.#position);
    if (changes.reloadReason !== null) {
      this.#options.log.warn({ reason: changes.reloadReason }, 'the catalog must be reloaded');
      this.#mustReload = true;
    }
    await applyEntries(this.#model, changes.entries);
    this.#recordRead(sentAt, changes.position);
    if (this.#mustReload) this.#startReload();
  }

  /** `sentAt` is the time when the statement was sent that read the changes. */
  #recordRead(sentAt: Moment, position: FeedPosition): void {
    this.#position = position;
    this.#polledAt = Date.now();
    if (!this.#mustReload) this.#syncedAt = sentAt;
  }

  #startReload(): void {
    if (this.#reloading !== undefined || performance.now() < this.#nextReloadAt) return;
    const { log } = this.#options;
    this.#reloading = this.load()
      .then(() => log.info({}, 'catalog reloaded'))
      .catch((error: unknown) => {
        if (this.#stopping.signal.aborted) return;
        this.#nextReloadAt = performance.now() + MAX_BACKOFF_MS;
        log.error({ err: error }, 'catalog reload failed; trying again');
      })
      .finally(() => {
        this.#reloading = undefined;
      });
  }
}

/** The same moment by two clocks, in ms. */
interface Moment {
  /** By performance.now(). */
  readonly monotonic: number;
  /** Unix time. */
  readonly wall: number;
}

function readClocks(): Moment {
  return { monotonic: performance.now(), wall: Date.now() };
}

/** Applies entries in steps, so that decisions get a turn in between. */
async function applyEntries(model: ReadModel, entries: Iterable<CatalogEntry>): Promise<void> {
  let applied = 0;
  for (const entry of entries) {
    model.apply(entry);
    applied += 1;
    if (applied % ENTRIES_PER_TURN === 0) await nextTurn();
  }
}

/** Limits the time of each statement. A peer that vanished silently must not block the feed until TCP gives up. */
function withTimeout(query: Query): Query {
  return async (sql, parameters) => {
    const timer = new AbortController();
    const timeout = sleep(QUERY_TIMEOUT_MS, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`Postgres did not respond within ${QUERY_TIMEOUT_MS} ms`);
    });
    try {
      return await Promise.race([query(sql, parameters), timeout]);
    } finally {
      timer.abort();
      timeout.catch(() => {}); // aborting rejects it, and nobody awaits it any more
    }
  };
}
