import type { Catalog, CatalogDevices } from '../../decide/ports.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Query, ReadConsistently } from '../../interfaces/query.ts';
import { type CatalogSizes, ReadModel } from '../model/read-model.ts';
import type { StoredCatalog } from '../snapshot-file/snapshot-file.ts';
import { AccessChanges } from './access-changes.ts';
import { CatalogExport } from './catalog-export.ts';
import { listFollowedTables } from './catalog-tables.ts';
import { type ChangeObserver, FeedFollower } from './feed-follower.ts';
import { type OutageOptions, startFollower } from './start-follower.ts';

export interface CatalogReplicaOptions {
  readonly query: Query;
  /** Loads the catalog. Must read the same database as `query`. */
  readonly readConsistently: ReadConsistently;
  /** Computes the digest of an API key, in hex. */
  digest(secret: string): string;
  /** Digests with earlier peppers. A key that is not found by `digest` is looked up by these. */
  readonly formerDigests?: readonly ((secret: string) => string)[];
  /** Whether the copy has the devices. Left out: it has. */
  readonly followsDevices?: boolean;
  /** Whether keys that another service issued are accepted. false: they are unknown. Left out: they are accepted. */
  readonly acceptsImportedKeys?: boolean;
  readonly log: Logger;
  /** Staleness in ms from which the replica lets no credential in. undefined: no limit. */
  readonly maxStalenessMs?: number | undefined;
  /** How to start while the database is away. undefined: the start fails. */
  readonly outage?: OutageOptions | undefined;
}

/** A node's copy of the catalog, which follows the changes in the database. */
export interface CatalogReplica extends Catalog {
  plans(): Iterable<Plan>;
  readonly sizes: CatalogSizes;
  /** The registered devices. Empty unless `followsDevices` is set. */
  readonly devices: CatalogDevices;
  /** Time in ms since the copy was last known to be current. */
  readonly staleness: number;
  /** Where the copy comes from: the database, or the stored copy that it started from. */
  readonly source: 'postgres' | 'snapshot';
  /** Whether the last attempt to read the changes succeeded. */
  readonly isFollowing: boolean;
  /** Whether a new copy is being loaded. The present one serves meanwhile. */
  readonly isReloading: boolean;
  /**
   * Exports the present copy. The batches can be read once. They end with the changes that arrive while they are read, and
   * throw if a reload replaces the copy meanwhile.
   */
  exportCatalog(): StoredCatalog;
  /**
   * Applies everything that has been committed so far. Never rejects: the replica keeps following the changes anyway.
   */
  refresh(): Promise<void>;
  /** Stops following the changes. The copy can still be read. */
  stop(): Promise<void>;
}

/**
 * Loads the catalog, then follows its changes until it is stopped. Rejects if the load fails, unless `outage` lets it start
 * from a stored copy or wait.
 */
export async function startCatalogReplica(options: CatalogReplicaOptions): Promise<CatalogReplica> {
  const { acceptsImportedKeys = true, log, outage } = options;
  const catalogExport = new CatalogExport();
  const follower = createFollower(options, catalogExport);
  await startFollower(follower, log, outage);
  return {
    get staleness() {
      return follower.staleness;
    },
    get source() {
      return follower.source;
    },
    get isFollowing() {
      return follower.isFollowing;
    },
    get isReloading() {
      return follower.isReloading;
    },
    get isTooStale() {
      return follower.isTooStale;
    },
    get trust() {
      return follower.model.trust;
    },
    get devices() {
      return follower.model.devices;
    },
    get hasImportedKeys() {
      return acceptsImportedKeys && follower.model.hasImportedKeys;
    },
    importedKeyBySecret: (secret) => (acceptsImportedKeys ? follower.model.importedKeyBySecret(secret) : undefined),
    keyBySecret: (secret) => follower.model.keyBySecret(secret),
    key: (id) => follower.model.key(id),
    account: (id) => follower.model.account(id),
    plan: (id) => follower.model.plan(id),
    plans: () => follower.model.plans(),
    get sizes() {
      return follower.model.sizes;
    },
    isRevoked: (token) => follower.model.isRevoked(token),
    get receiptKey() {
      return follower.model.receiptKey;
    },
    findReceiptKey: (id) => follower.model.findReceiptKey(id),
    exportCatalog: () => ({
      syncedAt: follower.syncedAt,
      batches: catalogExport.readBatches(() => follower.model),
    }),
    refresh: () => follower.refresh(),
    stop: () => follower.stop(),
  };
}

function createFollower(options: CatalogReplicaOptions, catalogExport: CatalogExport): FeedFollower<ReadModel> {
  const { query, readConsistently, digest, formerDigests, log, maxStalenessMs } = options;
  return new FeedFollower({
    query,
    readConsistently,
    log,
    maxStalenessMs,
    tables: listFollowedTables(options.followsDevices ?? true),
    createModel: () => new ReadModel(digest, log, formerDigests),
    observeChanges: (former) => observeChanges(former, catalogExport, log),
  });
}

/** Adds changes to the export in progress, and logs changes of access: after a restore, they say what was revoked. */
function observeChanges(former: ReadModel, catalogExport: CatalogExport, log: Logger): ChangeObserver {
  const accessChanges = new AccessChanges(former);
  return {
    add(entry) {
      catalogExport.addChange(entry);
      accessChanges.add(entry);
    },
    finish: () => accessChanges.writeTo(log),
  };
}
