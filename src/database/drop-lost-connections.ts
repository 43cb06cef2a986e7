/** The used part of node-postgres' pool. */
interface Pool {
  /** Whether the pool is closing, so that ending connections are expected. */
  readonly ending: boolean;
  on(event: 'connect', listener: (client: Client) => void): unknown;
}

interface Client {
  once(event: 'end', listener: () => void): unknown;
  /** With true, removes the connection from the pool. Throws if the connection was released before. */
  release(destroy: true): void;
}

/** Time for the holder of a lost connection to release it. All queries on it fail at once, so the holder is quick. */
const RELEASE_TIMEOUT_MS = 1_000;

/**
 * Removes connections from the pool that were lost within a transaction. The ORM fails to roll back on such a
 * connection and never releases it. After as many losses as the pool has connections, every query would wait forever,
 * and so would closing the pool.
 */
export function dropLostConnections(pool: Pool): void {
  pool.on('connect', (client) => {
    client.once('end', () => {
      if (pool.ending) return;
      setTimeout(() => {
        try {
          client.release(true);
        } catch {
          // Its holder has released it.
        }
      }, RELEASE_TIMEOUT_MS);
    });
  });
}
