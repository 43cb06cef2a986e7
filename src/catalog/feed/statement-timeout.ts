import { setTimeout as sleep } from 'node:timers/promises';
import type { Query } from '../../interfaces/query.ts';

const QUERY_TIMEOUT_MS = 5_000;

/** Limits the time of each statement. A peer that vanished silently must not block the feed until TCP gives up. */
export function withTimeout(query: Query): Query {
  return async (sql, parameters) => {
    const timer = new AbortController();
    const timeout = sleep(QUERY_TIMEOUT_MS, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`Postgres did not respond within ${QUERY_TIMEOUT_MS} ms`);
    });
    try {
      return await Promise.race([query(sql, parameters), timeout]);
    } finally {
      timer.abort();
      timeout.catch(() => {}); // aborting rejects it, and nobody awaits it any more
    }
  };
}
