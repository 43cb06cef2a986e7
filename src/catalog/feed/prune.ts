import type { Logger } from '../../interfaces/logger.ts';
import type { Query } from '../../interfaces/query.ts';

/** Time that changes stay in the feed at least. */
export const MIN_CHANGE_RETENTION_MS = 60 * 60 * 1000;

const PRUNE_INTERVAL_MS = 5 * 60 * 1000;

/** Kept longer than needed, because the clocks of nodes differ: a token may expire a little later elsewhere. */
const REVOCATION_RETENTION = '10 minutes';

/** A time for which it is known which transactions had ended. */
interface Checkpoint {
  readonly time: number;
  /** All transactions with lower ids had ended. */
  readonly transactionId: string;
}

/**
 * Deletes old rows of the feed. The time of a row would not tell whether it is old: a long transaction may have made it
 * visible only now. So the pruner remembers which transactions had ended at which time.
 */
export class FeedPruner {
  /** The oldest first. */
  #checkpoints: Checkpoint[] = [];

  /** Deletes changes of transactions that ended long enough ago. `now` is in ms of any monotonic clock. */
  async prune(query: Query, now: number): Promise<void> {
    const old = this.#checkpoints.findLast(({ time }) => time <= now - MIN_CHANGE_RETENTION_MS);
    if (old !== undefined) {
      await query('delete from catalog_change where transaction_id < ?::xid8', [old.transactionId]);
      this.#checkpoints = this.#checkpoints.filter(({ time }) => time > old.time);
    }
    const [row] = (await query('select pg_snapshot_xmin(pg_current_snapshot())::text as id', [])) as { id: string }[];
    if (row !== undefined) this.#checkpoints.push({ time: now, transactionId: row.id });
  }
}

/** Deletes revocations of tokens that have all expired. */
async function pruneRevocations(query: Query): Promise<void> {
  await query('delete from revocation where expire_time < now() - ?::interval', [REVOCATION_RETENTION]);
}

/**
 * Prunes the feed and the revocations now and every few minutes. For nodes that write the catalog. Returns a function
 * that stops it.
 */
export function startPruning(query: Query, log: Logger): () => void {
  const pruner = new FeedPruner();
  const prune = () => {
    Promise.all([pruneRevocations(query), pruner.prune(query, performance.now())]).catch((error: unknown) => {
      log.warn({ err: error }, 'could not prune the change feed or the revocations; trying again later');
    });
  };
  prune();
  const timer = setInterval(prune, PRUNE_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
