import type { Database } from './open-database.ts';

/** Names Weir's migrations among the advisory locks of a shared Postgres: any fixed number that nobody else takes. */
const MIGRATION_LOCK = 7_734_001;
const SEED_LOCK = 7_734_002;
const SIGNING_KEY_LOCK = 7_734_003;

/** Brings the schema up to date. Nodes that start together wait for each other. */
export async function migrate(database: Database): Promise<void> {
  await holding(database, MIGRATION_LOCK, async () => {
    await database.migrator.up();
  });
}

/** Takes the newest migration back, and the data that only it has a place for. */
export async function revertLastMigration(database: Database): Promise<void> {
  await holding(database, MIGRATION_LOCK, async () => {
    await database.migrator.down();
  });
}

export async function withSeedLock<T>(database: Database, action: () => Promise<T>): Promise<T> {
  return holding(database, SEED_LOCK, action);
}

export async function withSigningKeyLock(database: Database, action: () => Promise<void>): Promise<void> {
  return holding(database, SIGNING_KEY_LOCK, action);
}

/** The lock belongs to a transaction, so that a node which dies does not keep it. */
async function holding<T>(database: Database, lock: number, action: () => Promise<T>): Promise<T> {
  return database.em.fork().transactional(async (em) => {
    await em.execute('select pg_advisory_xact_lock(?)', [lock]);
    return action();
  });
}
