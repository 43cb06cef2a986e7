import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../interfaces/logger.ts';
import type { Query, ReadConsistently } from '../../interfaces/query.ts';
import type { StoredCatalog } from '../snapshot-file/snapshot-file.ts';
import type { CatalogEntity, CatalogEntry } from './catalog-rows.ts';
import { type FeedPosition, readChanges, readPosition } from './change-feed.ts';
import { applyEntries, type FollowingModel } from './entry-batches.ts';
import { type Moment, readClocks } from './moment.ts';
import { MIN_CHANGE_RETENTION_MS } from './prune.ts';
import { readSnapshot } from './snapshot.ts';
import { withTimeout } from './statement-timeout.ts';

export interface FeedFollowerOptions<Model> {
  /** The tables to follow. */
  readonly tables: readonly CatalogEntity[];
  /** Creates an empty model of them. */
  createModel(): Model;
  /** Prepares the database. Called before the first read, and again after it failed. */
  prepare?(): Promise<void>;
  /**
   * Observes changes of the database before they are applied, but not the entries of a load. `former` is the model before
   * them.
   */
  observeChanges?(former: Model): ChangeObserver;
  readonly query: Query;
  /** Loads the tables. Must read the same database as `query`. */
  readonly readConsistently: ReadConsistently;
  readonly log: Logger;
  /** Staleness in ms from which the copy is too old to let any credential in. undefined: no limit. */
  readonly maxStalenessMs?: number | undefined;
}

export interface ChangeObserver {
  /** Observes an entry that has not been applied yet. */
  add(entry: CatalogEntry): void;
  /** Called once all entries are applied. */
  finish(): Promise<void>;
}

const POLL_INTERVAL_MS = 200;
const MAX_BACKOFF_MS = 2_000;
/**
 * Changes that are read at once after a load. More than usual, because many can arrive while a load lasts, and
 * otherwise the load would have been in vain.
 */
const MAX_CHANGES_AFTER_LOAD = 200_000;
/** Half the time that changes are retained. A replica that polls again before this finds all changes that it missed. */
const MAX_POLL_GAP_MS = MIN_CHANGE_RETENTION_MS / 2;

/** Loads some tables of the catalog into a model, then follows their changes until it is stopped. */
export class FeedFollower<Model extends FollowingModel> {
  readonly #options: FeedFollowerOptions<Model>;
  readonly #query: Query;
  readonly #stopping = new AbortController();
  #model: Model;
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
  #isFollowing = false;
  #isPrepared = false;
  #source: 'postgres' | 'snapshot' = 'postgres';

  constructor(options: FeedFollowerOptions<Model>) {
    this.#options = options;
    this.#query = withTimeout(options.query);
    this.#model = options.createModel();
  }

  /** Whether the last attempt to read the changes succeeded. */
  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /** Whether a new copy is being loaded. The present one serves meanwhile. */
  get isReloading(): boolean {
    return this.#reloading !== undefined;
  }

  /** The current copy. A reload replaces it. */
  get model(): Model {
    return this.#model;
  }

  /** Where the copy comes from: the database, or a stored copy. */
  get source(): 'postgres' | 'snapshot' {
    return this.#source;
  }

  /** When the copy was last known to be current, as Unix time in ms. */
  get syncedAt(): number {
    return this.#syncedAt.wall;
  }

  /**
   * Time in ms since the copy was last known to be current. By the clock that says more: the monotonic one may stop while
   * the machine is suspended, the other one may be set.
   */
  get staleness(): number {
    return Math.max(performance.now() - this.#syncedAt.monotonic, Date.now() - this.#syncedAt.wall);
  }

  get isTooStale(): boolean {
    const { maxStalenessMs } = this.#options;
    return maxStalenessMs !== undefined && this.staleness > maxStalenessMs;
  }

  /**
   * Loads the tables into a new model, which then replaces the old one. The old model keeps following the
   * changes meanwhile, so they take effect as fast as ever.
   */
  async load(): Promise<void> {
    await this.#prepare();
    const model = this.#options.createModel();
    const position = await this.#options.readConsistently((query) => this.#readTables(withTimeout(query), model));
    await this.#readInTurn(async () => {
      const sentAt = readClocks();
      const changes = await readChanges(this.#query, position, this.#options.tables, MAX_CHANGES_AFTER_LOAD);
      if (changes.reloadReason !== null) throw new Error(changes.reloadReason);
      await this.#applyChanges(model, changes.entries);
      this.#model = model;
      this.#source = 'postgres';
      this.#mustReload = false;
      this.#recordRead(sentAt, changes.position);
    });
  }

  /** Returns the position of the feed at which the tables were read: the changes since then are missing. */
  async #readTables(query: Query, model: Model): Promise<FeedPosition> {
    const position = await readPosition(query);
    for await (const page of readSnapshot(query, this.#options.tables)) {
      await applyEntries(model, page);
      this.#stopping.signal.throwIfAborted();
    }
    return position;
  }

  /** Replaces the copy by a stored one, whose age counts on. Rejects, and keeps the present one, if it cannot be read. */
  async adopt({ syncedAt, batches }: StoredCatalog): Promise<void> {
    const model = this.#options.createModel();
    for await (const batch of batches) await applyEntries(model, batch);
    const ageMs = Math.max(0, Date.now() - syncedAt);
    this.#model = model;
    this.#source = 'snapshot';
    this.#syncedAt = { monotonic: performance.now() - ageMs, wall: syncedAt };
  }

  startFollowing(): void {
    this.#following = this.#follow();
  }

  /** Applies everything that has been committed so far. Never rejects: the follower keeps following anyway. */
  async refresh(): Promise<void> {
    await this.#readInTurn(() => this.#poll()).catch(() => {}); // the next poll fails as well, and logs it
  }

  /** Stops following. The copy can still be read. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#reading.catch(() => {});
    await this.#reloading;
    await this.#following;
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
        this.#isFollowing = false;
        if (failures === 1) log.error({ err: error }, 'could not read the catalog; serving the last known copy');
      }
    }
  }

  /** Runs one action at a time. If two overlapped, the older one could set the position back. */
  #readInTurn(action: () => Promise<void>): Promise<void> {
    this.#reading = this.#reading.catch(() => {}).then(action);
    return this.#reading;
  }

  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    await this.#options.prepare?.();
    this.#isPrepared = true;
  }

  async #poll(): Promise<void> {
    await this.#prepare();
    const sentAt = readClocks();
    if (this.#position === undefined || Date.now() - this.#polledAt > MAX_POLL_GAP_MS) {
      this.#mustReload = true;
      this.#position = await readPosition(this.#query);
    }
    const changes = await readChanges(this.#query, this.#position, this.#options.tables);
    if (changes.reloadReason !== null) {
      this.#options.log.warn({ reason: changes.reloadReason }, 'the catalog must be reloaded');
      this.#mustReload = true;
    }
    await this.#applyChanges(this.#model, changes.entries);
    this.#recordRead(sentAt, changes.position);
    if (this.#mustReload) this.#startReload();
  }

  async #applyChanges(model: Model, entries: readonly CatalogEntry[]): Promise<void> {
    const observer = this.#options.observeChanges?.(this.#model);
    await applyEntries(model, entries, (entry) => observer?.add(entry));
    await observer?.finish();
  }

  /** `sentAt` is the time when the statement was sent that read the changes. */
  #recordRead(sentAt: Moment, position: FeedPosition): void {
    this.#position = position;
    this.#polledAt = Date.now();
    this.#isFollowing = true;
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
