import pg from 'pg';
import type { Query, ReadConsistently } from '../interfaces/query.ts';
import { readConnectionOptions } from './connection/connection-options.ts';
import type { DatabaseAccess } from './connection/database-access.ts';

/** A connection of its own for one purpose, so that no other use of Postgres can delay it. */
export interface OwnConnection {
  readonly query: Query;
  /** Closes the connection. A statement in progress fails or ends first. */
  close(): Promise<void>;
}

export interface OwnConnectionOptions extends DatabaseAccess {
  /** A statement that takes longer fails, and the connection is replaced. */
  readonly timeoutMs: number;
}

/**
 * Opens a connection, without the ORM. It connects at the first statement, and again after it was lost. Throws
 * InvalidDatabaseUrl.
 */
export function openConnection(options: OwnConnectionOptions): OwnConnection {
  const pool = createPool(options);
  return { query: createQuery(pool), close: () => pool.end() };
}

/** Returns a function that opens a connection for each transaction and closes it afterwards. Throws InvalidDatabaseUrl. */
export function createConsistentReader(options: OwnConnectionOptions): ReadConsistently {
  readConnectionOptions(options.url);
  return async (read) => {
    const pool = createPool(options);
    const client = await pool.connect();
    try {
      await client.query('begin transaction isolation level repeatable read, read only');
      const result = await read(createQuery(client));
      await client.query('commit');
      return result;
    } finally {
      client.release(true); // also ends a transaction whose `read` failed
      await pool.end();
    }
  };
}

function createPool({ url, login, timeoutMs }: OwnConnectionOptions): pg.Pool {
  const pool = new pg.Pool({
    ...readConnectionOptions(url),
    Client: login?.createClientClass(),
    max: 1,
    keepAlive: true,
    query_timeout: timeoutMs,
  });
  // A lost connection concerns its statement, which fails. These events, unheard, would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

function createQuery(connection: pg.Pool | pg.PoolClient): Query {
  return async (sql, parameters) => (await connection.query(numberParameters(sql), [...parameters])).rows;
}

/** Replaces each `?` of a statement by the `$1`, `$2`, … that Postgres knows. The statements hold no other `?`. */
function numberParameters(sql: string): string {
  let count = 0;
  return sql.replaceAll('?', () => {
    count += 1;
    return `$${count}`;
  });
}
