import { withAdvisoryLock } from './advisory-locks.ts';
import type { Database } from './open-database.ts';

/** Brings the schema up to date. Of nodes that start together, one migrates and the others wait. */
export async function migrate(database: Database): Promise<void> {
  await withAdvisoryLock(database, 'migration', async () => {
    await database.migrator.up();
  });
}

/** Reverts the newest migration. Deletes the data that only this migration has columns or tables for. */
export async function revertLastMigration(database: Database): Promise<void> {
  await withAdvisoryLock(database, 'migration', async () => {
    await database.migrator.down();
  });
}
