import { AsyncLocalStorage } from 'node:async_hooks';
import { EntityManager, type ForkOptions, type MikroORM } from '@mikro-orm/postgresql';

/** Whether a call runs within `runInTransaction`. */
const joined = new AsyncLocalStorage<true>();

/** An entity manager whose forks belong to the transaction of the call in progress, if it has one. */
export class CallEntityManager extends EntityManager {
  override fork(options: ForkOptions = {}): this {
    return super.fork(joined.getStore() === true ? { keepTransactionContext: true, ...options } : options);
  }
}

/** Carries the result of an action out of the transaction that it rolls back. */
class RolledBack<Result> extends Error {
  readonly result: Result;

  constructor(result: Result) {
    super('rolled back');
    this.result = result;
  }
}

/**
 * Runs an action in one transaction, which all entity managers that the action forks belong to. Transactions that it begins
 * become savepoints. If the action throws, nothing is changed. The same goes for `rollback`, whatever the action did.
 */
export async function runInTransaction<Result>(
  database: MikroORM,
  end: 'commit' | 'rollback',
  action: (em: EntityManager) => Promise<Result>,
): Promise<Result> {
  try {
    return await database.em.fork().transactional(async (em) => {
      const result = await joined.run(true, () => action(em));
      if (end === 'rollback') throw new RolledBack(result);
      return result;
    });
  } catch (error) {
    if (error instanceof RolledBack) return error.result as Result; // no other action throws it
    throw error;
  }
}
