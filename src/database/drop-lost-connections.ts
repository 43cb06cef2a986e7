/** What is used here of node-postgres' pool. */
interface Pool {
  /** Being closed: connections end in order then. */
  readonly ending: boolean;
  on(event: 'connect', listener: (client: Client) => void): unknown;
}

interface Client {
  once(event: 'end', listener: () => void): unknown;
  /** Gives it back to the pool, or, with true, out of it; throws when it was given back before. */
  release(destroy: true): void;
}

/** On a lost connection every query fails at once, so that whoever holds it gives it back long before. */
const GRACE_MS = 1_000;

/**
 * Takes connections out of the pool that were lost within a transaction. The ORM fails to roll back on them and then
 * keeps them: after as many losses as the pool is large nothing would work any more, and closing it would wait forever.
 */
export function dropLostConnections(pool: Pool): void {
  pool.on('connect', (client) => {
    client.once('end', () => {
      if (pool.ending) return;
      setTimeout(() => {
        try {
          client.release(true);
        } catch {
          // It was given back in order.
        }
      }, GRACE_MS);
    });
  });
}
