import type { Logger } from '../../interfaces/logger.ts';
import type { Query } from '../../interfaces/query.ts';

/** How long changes stay in the feed at least. */
export const CHANGES_KEPT_MS = 60 * 60 * 1000;

const PRUNE_EVERY_MS = 5 * 60 * 1000;

interface Mark {
  readonly takenAt: number;
  /** All transactions below had ended when it was taken. */
  readonly transactionId: string;
}

/**
 * Takes old rows out of the feed. A row's own time would not do: it may have become visible only just now, by a long
 * transaction's commit. So it goes by transactions which were seen to have ended that long ago.
 */
export class FeedPruner {
  #marks: Mark[] = [];

  /** `now` in ms, on any steady clock. */
  async prune(query: Query, now: number): Promise<void> {
    const old = this.#marks.findLast((mark) => mark.takenAt <= now - CHANGES_KEPT_MS);
    if (old !== undefined) {
      await query('delete from catalog_change where transaction_id < ?::xid8', [old.transactionId]);
      this.#marks = this.#marks.filter((mark) => mark.takenAt > old.takenAt);
    }
    const [row] = (await query('select pg_snapshot_xmin(pg_current_snapshot())::text as id', [])) as { id: string }[];
    if (row !== undefined) this.#marks.push({ takenAt: now, transactionId: row.id });
  }
}

/** For nodes whose clocks differ: a token may expire a little later elsewhere. */
const REVOCATIONS_OUTLIVE = '10 minutes';

/** Takes away revocations of tokens that have all expired by themselves. */
async function pruneRevocations(query: Query): Promise<void> {
  await query('delete from revocation where expire_time < now() - ?::interval', [REVOCATIONS_OUTLIVE]);
}

/**
 * Prunes the feed and revocations every few minutes until the function that it gives is called. For nodes that write the
 * catalog.
 */
export function startPruning(query: Query, log: Logger): () => void {
  const pruner = new FeedPruner();
  const prune = () => {
    Promise.all([pruneRevocations(query), pruner.prune(query, performance.now())]).catch((error: unknown) => {
      log.warn({ err: error }, 'the change feed or revocations were not pruned; it will be tried again');
    });
  };
  prune();
  const timer = setInterval(prune, PRUNE_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
