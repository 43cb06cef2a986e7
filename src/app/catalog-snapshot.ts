import { hkdfSync } from 'node:crypto';
import { identifyRowFormat, listFollowedTables } from '../catalog/feed/catalog-tables.ts';
import { InvalidSnapshot } from '../catalog/snapshot-file/frames.ts';
import { SnapshotFile, type StoredCatalog } from '../catalog/snapshot-file/snapshot-file.ts';
import { startSnapshotWriter } from '../catalog/snapshot-file/snapshot-writer.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../interfaces/logger.ts';

/** Oldest snapshot that a node starts from where CATALOG_MAX_STALENESS is not set. */
const DEFAULT_MAX_AGE_MS = 24 * 60 * 60 * 1000;
/** The clock may have been set back a little since the snapshot was written. */
const MAX_CLOCK_DIFFERENCE_MS = 5 * 60 * 1000;
const MAX_INTERVAL_MS = 5 * 60 * 1000;
/** A snapshot of a million keys takes seconds of CPU time. */
const MIN_INTERVAL_MS = 15_000;

/** The snapshot of the catalog in DATA_DIR, for a start while the Postgres of DATABASE_URL is away. */
export class CatalogSnapshot {
  readonly #file: SnapshotFile;
  readonly #maxAgeMs: number;

  constructor(config: Config) {
    const rowFormat = identifyRowFormat(listFollowedTables(config.devices.registration !== 'off'));
    this.#file = new SnapshotFile(config.dataDir, deriveMacKey(config), rowFormat);
    this.#maxAgeMs = config.catalogMaxStalenessMs ?? DEFAULT_MAX_AGE_MS;
  }

  /** undefined: there is none. Throws InvalidSnapshot if it must not be used. */
  read(): Promise<StoredCatalog | undefined> {
    return this.#file.read((syncedAt) => assertNotTooOld(syncedAt, this.#maxAgeMs));
  }

  /** Writes snapshots in the background until `resources` are disposed, and a last one then. */
  keepWriting(exportCatalog: () => StoredCatalog, log: Logger, resources: AsyncDisposableStack): void {
    const stop = startSnapshotWriter({
      exportCatalog,
      write: (stored) => this.#file.write(stored),
      intervalMs: Math.max(MIN_INTERVAL_MS, Math.min(MAX_INTERVAL_MS, this.#maxAgeMs / 3)),
      log,
    });
    resources.defer(stop);
  }
}

/** Returns the snapshot. undefined: the node has none, because its embedded Postgres starts with it. */
export function openCatalogSnapshot(config: Config): CatalogSnapshot | undefined {
  return config.databaseUrl === undefined ? undefined : new CatalogSnapshot(config);
}

/**
 * Derives the key that authenticates snapshots. It comes from secrets outside of DATA_DIR, so that a program that can only
 * write into the folder cannot add a key or lift a revocation.
 */
function deriveMacKey({ keyPepper, signingKeySecret, databaseUrl }: Config): Buffer {
  const secrets = keyPepper || signingKeySecret ? [keyPepper ?? '', signingKeySecret ?? ''] : [databaseUrl];
  return Buffer.from(hkdfSync('sha256', JSON.stringify(secrets), '', 'weir catalog snapshot', 32));
}

/** Throws InvalidSnapshot if a catalog that was last current at a time, in Unix ms, is too old to start from. */
function assertNotTooOld(syncedAt: number, maxAgeMs: number): void {
  const ageMs = Date.now() - syncedAt;
  if (ageMs < -MAX_CLOCK_DIFFERENCE_MS) throw new InvalidSnapshot('the file is from the future; check the clock');
  if (ageMs <= maxAgeMs) return;
  const [age, maxAge] = [ageMs, maxAgeMs].map((ms) => Math.round(ms / 1000));
  throw new InvalidSnapshot(`the file is too old: ${age} seconds, at most ${maxAge}`);
}
