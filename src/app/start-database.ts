import { startPruning } from '../catalog/feed/prune.ts';
import type { Config } from '../config/config.ts';
import { startEmbeddedPostgres } from '../database/embedded/embedded-postgres.ts';
import { migrate, revertLastMigration } from '../database/migrate.ts';
import { createQuery, type Database, openDatabase } from '../database/open-database.ts';
import { seed } from '../database/seed.ts';
import { hashPassword } from '../identity/secrets/password.ts';
import type { Logger } from '../interfaces/logger.ts';

const DEFAULT_ADMIN_EMAIL = 'admin@example.com';

/**
 * Opens the database of the catalog. A node that writes the catalog also brings the schema up to date, creates the
 * first plans and the first administrator, and keeps pruning the change feed.
 */
export async function startDatabase(config: Config, log: Logger, resources: AsyncDisposableStack): Promise<Database> {
  const database = await openConfiguredDatabase(config, log, resources);
  if (config.role === 'decision') return database;
  await migrate(database);
  const email = config.adminEmail ?? DEFAULT_ADMIN_EMAIL;
  const admin = { email, password: config.adminPassword };
  const { generatedPassword } = await seed(database, { admin, hashPassword });
  if (generatedPassword !== undefined) printFirstAdministrator(email, generatedPassword);
  const stopPruning = startPruning(createQuery(database), log);
  resources.defer(stopPruning);
  return database;
}

/** Brings the schema up to date, or reverts its newest migration, and closes the database again. */
export async function migrateDatabase(config: Config, log: Logger, direction: 'up' | 'down'): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const database = await openConfiguredDatabase(config, log, resources);
  await (direction === 'up' ? migrate(database) : revertLastMigration(database));
  log.info({ direction }, 'migrated');
}

/** Opens the configured database, or starts the embedded one if none is configured. */
async function openConfiguredDatabase(config: Config, log: Logger, resources: AsyncDisposableStack): Promise<Database> {
  let url = config.databaseUrl;
  if (url === undefined) {
    const postgres = await startEmbeddedPostgres({ dataFolder: config.dataDir, log });
    resources.defer(() => postgres.stop());
    url = postgres.url;
  }
  const database = await openDatabase({ url });
  resources.defer(() => database.close(true));
  return database;
}

/** Prints to the terminal, not to the log: the password is never shown again, and logs are stored and forwarded. */
function printFirstAdministrator(email: string, password: string): void {
  process.stderr.write(
    `\n  The first administrator, shown only once:\n    email:    ${email}\n    password: ${password}\n\n`,
  );
}
