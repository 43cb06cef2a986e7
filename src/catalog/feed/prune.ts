import { MAX_UNAUTHENTICATED_DEVICES } from '../../domain/device.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Query } from '../../interfaces/query.ts';

/** Time that changes stay in the feed at least. */
export const MIN_CHANGE_RETENTION_MS = 60 * 60 * 1000;

const PRUNE_INTERVAL_MS = 5 * 60 * 1000;

/** Kept longer than needed, because the clocks of nodes differ: a token may expire a little later elsewhere. */
const REVOCATION_RETENTION = '10 minutes';

/** A tenth less than there may be: room for the new ones until the next pruning. */
const KEPT_UNAUTHENTICATED_DEVICES = MAX_UNAUTHENTICATED_DEVICES * 0.9;

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

/** Deletes the entries of stateless tokens that have expired. */
async function pruneIssuedTokens(query: Query): Promise<void> {
  await query('delete from issued_token where expire_time < now()', []);
}

/** Deletes one-time tokens that have expired, and accounts whose address was not verified in time. */
async function pruneSignUps(query: Query): Promise<void> {
  await query('delete from one_time_token where expire_time < now()', []);
  // An administrator may have given such an account a key.
  await query(
    `delete from account where verify_before_time < now() and delete_time is null
     and not exists (select from api_key where api_key.account_id = account.id)`,
    [],
  );
}

const LAST_USE = 'greatest(create_time, last_seen_time, last_attempt_time)';

/**
 * Deletes devices of requests without a credential that were not seen for a month, and if there are too many those that
 * were seen longest ago. Blocked ones stay.
 */
const PRUNE_UNAUTHENTICATED_DEVICES = `
  delete from device where account_id = '' and not blocked and (
    ${LAST_USE} < now() - interval '30 days'
    or id in (
      select id from device where account_id = '' and not blocked
      order by ${LAST_USE} desc offset ${KEPT_UNAUTHENTICATED_DEVICES}))`;

/** Deletes the devices of accounts that were deleted lately. The index on accounts finds them. */
const PRUNE_DEVICES_OF_ACCOUNTS = `
  delete from device where account_id in (select id from account where delete_time > now() - interval '7 days')`;

export async function pruneDevices(query: Query): Promise<void> {
  await query(PRUNE_UNAUTHENTICATED_DEVICES, []);
  await query(PRUNE_DEVICES_OF_ACCOUNTS, []);
}

/**
 * Prunes the feed, the devices and the revocations now and every few minutes. For nodes that write the catalog. Returns a
 * function that stops it.
 */
export function startPruning(query: Query, log: Logger): () => void {
  const pruner = new FeedPruner();
  const prune = () => {
    Promise.all([
      pruneRevocations(query),
      pruneIssuedTokens(query),
      pruneDevices(query),
      pruneSignUps(query),
      pruner.prune(query, performance.now()),
    ]).catch((error: unknown) => {
      log.warn({ err: error }, 'could not prune the change feed, the devices or the revocations; trying again later');
    });
  };
  prune();
  const timer = setInterval(prune, PRUNE_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
