import type { EntityManager } from '@mikro-orm/postgresql';
import { isLockTimeout } from './database-errors.ts';
import type { Database } from './open-database.ts';

/**
 * Arbitrary fixed numbers. They must differ from the advisory locks of other programs in the same Postgres database.
 */
const LOCK_IDS = {
  migration: 7_734_001,
  seed: 7_734_002,
  signingKeys: 7_734_003,
  administrators: 7_734_004,
  partitions: 7_734_005,
  webhooks: 7_734_006,
} as const;

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
    await lockUntilCommit(em, lock);
    return action();
  });
}

/** Waits for an advisory lock, and holds it until the transaction of `em` ends. */
export async function lockUntilCommit(em: EntityManager, lock: keyof typeof LOCK_IDS): Promise<void> {
  await em.execute('select pg_advisory_xact_lock(?)', [LOCK_IDS[lock]]);
}

/**
 * Waits for an advisory lock for this long, and holds it until the transaction of `em` ends. Returns false if another
 * transaction still holds it: the transaction of `em` has then failed.
 */
export async function lockUntilCommitWithin(
  em: EntityManager,
  lock: keyof typeof LOCK_IDS,
  timeoutMs: number,
): Promise<boolean> {
  await em.execute(`set local lock_timeout = ${timeoutMs}`);
  try {
    await lockUntilCommit(em, lock);
  } catch (error) {
    if (isLockTimeout(error)) return false;
    throw error;
  }
  await em.execute('set local lock_timeout to default');
  return true;
}

/**
 * Takes an advisory lock until the transaction of `em` ends. Returns false if another transaction holds it: a caller that
 * waits outside of its transaction keeps no connection of the pool from others.
 */
export async function tryLockUntilCommit(em: EntityManager, lock: keyof typeof LOCK_IDS): Promise<boolean> {
  const [row] = await em.execute<{ locked: boolean }[]>('select pg_try_advisory_xact_lock(?) as locked', [
    LOCK_IDS[lock],
  ]);
  return row?.locked === true;
}
