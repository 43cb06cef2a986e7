import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../interfaces/logger.ts';
import type { StoredCatalog } from '../snapshot-file/snapshot-file.ts';
import type { FollowingModel } from './entry-batches.ts';
import type { FeedFollower } from './feed-follower.ts';

/** How a copy of the catalog starts while the database cannot be read. */
export interface OutageOptions {
  /** Whether an error means that the database is away. The stored copy may then be used. */
  isAway(error: unknown): boolean;
  /** Whether an error will go away by itself, so that the start waits. True where `isAway` is true. */
  isTemporary(error: unknown): boolean;
  /** Reads the stored copy. undefined: there is none. Throws if it must not be used. */
  readStored(): Promise<StoredCatalog | undefined>;
  /** Called with each error that the start waits after, and with undefined when it goes on. */
  onWait(error: unknown): void;
  /** Ends the wait. The start then rejects. */
  readonly signal: AbortSignal;
}

const RETRY_DELAY_MS = 500;

/**
 * Loads the tables of a follower, then lets it follow their changes. While the database is away, starts from the stored
 * copy, or waits. Rejects with any other error. Without `outage` every error ends the start.
 */
export async function startFollower<Model extends FollowingModel>(
  follower: FeedFollower<Model>,
  log: Logger,
  outage: OutageOptions | undefined,
): Promise<void> {
  if (outage === undefined) await follower.load();
  else await loadOrWait(follower, log, outage);
  follower.startFollowing();
}

async function loadOrWait<Model extends FollowingModel>(
  follower: FeedFollower<Model>,
  log: Logger,
  outage: OutageOptions,
): Promise<void> {
  for (let hasTriedStored = false; ; ) {
    try {
      await follower.load();
      break;
    } catch (error) {
      if (!outage.isTemporary(error)) throw error;
      if (!hasTriedStored && outage.isAway(error)) {
        hasTriedStored = true;
        if (await adoptStored(follower, log, outage)) break;
      }
      outage.onWait(error);
    }
    await sleep(RETRY_DELAY_MS, undefined, { signal: outage.signal });
  }
  outage.onWait(undefined);
}

/** Returns whether there is a stored copy that may be used. Logs one line about it. */
async function adoptStored<Model extends FollowingModel>(
  follower: FeedFollower<Model>,
  log: Logger,
  { readStored }: OutageOptions,
): Promise<boolean> {
  try {
    const stored = await readStored();
    if (stored === undefined) return false;
    await follower.adopt(stored);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown';
    log.warn({ reason }, 'the snapshot of the catalog was refused');
    return false;
  }
  const age_seconds = Math.round(follower.staleness / 1000);
  log.warn({ age_seconds }, 'Postgres is away; started from the snapshot of the catalog');
  return true;
}
