import type { Database } from './open-database.ts';

/**
 * Arbitrary fixed numbers. They must differ from the advisory locks of other programs in the same Postgres database.
 */
const LOCK_IDS = { migration: 7_734_001, seed: 7_734_002, signingKeys: 7_734_003 } as const;

/**
 * Runs an action while this node holds a Postgres advisory lock. Other nodes wait for it. The lock belongs to a
 * transaction of its own, so Postgres releases it when the node dies. The action's statements run outside of that
 * transaction.
 */
export async function withAdvisoryLock<T>(
  database: Database,
  lock: keyof typeof LOCK_IDS,
  action: () => Promise<T>,
): Promise<T> {
  return database.em.fork().transactional(async (em) => {
    await em.execute('select pg_advisory_xact_lock(?)', [LOCK_IDS[lock]]);
    return action();
  });
}
