import { CATALOG_TABLES, selectColumns } from '../catalog/feed/catalog-tables.ts';
import { startPruning } from '../catalog/feed/prune.ts';
import { startReceiptKeyRotation } from '../catalog/feed/rotate-receipt-keys.ts';
import { type Config, InvalidConfig } from '../config/config.ts';
import { findIneffectiveSetting } from '../database/check-first-administrator.ts';
import type { DatabaseAccess } from '../database/connection/database-access.ts';
import { startEmbeddedPostgres } from '../database/embedded/embedded-postgres.ts';
import { PostgresNotInstalled } from '../database/embedded/postgres-location.ts';
import { migrate, revertLastMigration } from '../database/migrate.ts';
import { createQuery, type Database, type DatabaseOptions, openDatabase } from '../database/open-database.ts';
import { createPartitions } from '../database/partitions/maintain-partitions.ts';
import { PARTITIONED_TABLES } from '../database/partitions/partitioned-tables.ts';
import { seed } from '../database/seed.ts';
import { hashPassword, verifyPassword } from '../identity/secrets/password.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Query } from '../interfaces/query.ts';
import { openDatabaseAccess } from './open-database-access.ts';
import { startDatabaseJobs } from './writer/start-database-jobs.ts';
import { warnOfUnsentTokens } from './writer/warn-of-unsent-tokens.ts';

const DEFAULT_ADMIN_EMAIL = 'admin@example.com';

/** A database, and where others find it. */
export interface LocatedDatabase {
  readonly database: Database;
  readonly access: DatabaseAccess;
  /** Whether this start has created the embedded Postgres; undefined: the database is not embedded. */
  readonly isNewCluster: boolean | undefined;
}

export interface PreparationParts {
  readonly database: Database;
  readonly access: DatabaseAccess;
  /** undefined: the node does not write the catalog. */
  readonly signingKeys: { start(): Promise<void> } | undefined;
  readonly log: Logger;
}

/**
 * Returns a function that prepares the database for this node. It can be called again after it failed. On a node that
 * writes the catalog it brings the schema up to date, creates the first entries, starts the signing keys, and keeps pruning
 * the change feed and replacing the keys of receipts. On other nodes it fails while the schema is not of this version.
 */
export function createPreparation(
  config: Config,
  { database, access, signingKeys, log }: PreparationParts,
  resources: AsyncDisposableStack,
): () => Promise<void> {
  const query = createQuery(database);
  if (signingKeys === undefined) return () => assertSchema(query);
  const jobs = resources.use(new AsyncDisposableStack());
  return async () => {
    await migrate(database);
    await createPartitions(database, PARTITIONED_TABLES);
    await createFirstEntries(config, database, log);
    await signingKeys.start();
    await warnOfUnsentTokens(config, query, log);
    jobs.defer(startPruning(query, log));
    jobs.defer(startDatabaseJobs(config, { database, access }, log));
    jobs.defer(startReceiptKeyRotation(query, log));
  };
}

async function assertSchema(query: Query): Promise<void> {
  for (const table of CATALOG_TABLES) await query(`select ${selectColumns(table)} from ${table} limit 0`, []);
}

/** Creates the first plans and the first administrator in a new database. */
async function createFirstEntries(config: Config, database: Database, log: Logger): Promise<void> {
  const email = config.adminEmail ?? DEFAULT_ADMIN_EMAIL;
  const admin = { email, password: config.adminPassword };
  const { generatedPassword } = await seed(database, { admin, hashPassword });
  if (generatedPassword !== undefined) printFirstAdministrator(email, generatedPassword);
  const ineffective = await findIneffectiveSetting(database, admin, verifyPassword);
  if (ineffective !== undefined) {
    log.warn(ineffective, 'a setting of the first administrator has no effect; the admin API changes administrators');
  }
}

/** Brings the schema up to date, or reverts its newest migration, and closes the database again. */
export async function migrateDatabase(config: Config, log: Logger, direction: 'up' | 'down'): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const { database } = await openConfiguredDatabase(config, log, resources);
  await (direction === 'up' ? migrate(database) : revertLastMigration(database));
  log.info({ direction }, 'migrated');
}

/**
 * Opens the configured database, which connects at its first use, or starts the embedded one if none is configured. Throws
 * InvalidConfig if none is configured and the embedded one is not installed.
 */
export async function openConfiguredDatabase(
  config: Config,
  log: Logger,
  resources: AsyncDisposableStack,
  observers: Pick<DatabaseOptions, 'onPool' | 'onQuery' | 'isTraced'> = {},
): Promise<LocatedDatabase> {
  let url = config.databaseUrl;
  let isNewCluster: boolean | undefined;
  if (url === undefined) {
    const postgres = await startEmbeddedPostgres({ dataFolder: config.dataDir, log }).catch((error: unknown) => {
      throw error instanceof PostgresNotInstalled ? new InvalidConfig(error.message) : error;
    });
    resources.defer(() => postgres.stop());
    ({ url, isNew: isNewCluster } = postgres);
  }
  const access = openDatabaseAccess(config, url, log, resources);
  const database = await openDatabase({ ...access, ...observers });
  resources.defer(() => database.close(true));
  return { database, access, isNewCluster };
}

/** Prints to the terminal, not to the log: the password is never shown again, and logs are stored and forwarded. */
function printFirstAdministrator(email: string, password: string): void {
  process.stderr.write(
    `\n  The first administrator, shown only once:\n    email:    ${email}\n    password: ${password}\n\n`,
  );
}
