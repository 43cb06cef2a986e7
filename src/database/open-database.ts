import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import { migrations } from '../../migrations/index.ts';
import type { Query } from '../interfaces/query.ts';
import { nameCaller } from './audit/name-caller.ts';
import { CallEntityManager } from './call-transaction.ts';
import { readConnectionOptions } from './connection/connection-options.ts';
import type { DatabaseAccess } from './connection/database-access.ts';
import { dropLostConnections } from './drop-lost-connections.ts';
import { entities } from './entities/entities.ts';
import { observeQueries, type QueryListeners } from './observe-queries.ts';

export type Database = MikroORM;

const DEFAULT_QUERY_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 10;

export interface DatabaseOptions extends QueryListeners, DatabaseAccess {
  /** A query that takes longer fails. Left out: 30 s. */
  readonly queryTimeoutMs?: number;
  /** Called with the pool of connections once there is one. */
  readonly onPool?: ((pool: Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount'>) => void) | undefined;
}

/**
 * Opens a connection pool, which connects at the first query. Close it with `database.close(true)`. Throws
 * InvalidDatabaseUrl.
 */
export async function openDatabase({
  url,
  login,
  queryTimeoutMs = DEFAULT_QUERY_TIMEOUT_MS,
  onPool,
  onQuery,
  isTraced,
}: DatabaseOptions): Promise<Database> {
  const { connectionString, ...connection } = readConnectionOptions(url);
  return MikroORM.init({
    clientUrl: connectionString,
    entities,
    entityManager: CallEntityManager,
    extensions: [Migrator],
    migrations: { migrationsList: migrations, tableName: 'migration', snapshot: false, silent: true },
    driverOptions: {
      ...connection,
      Client: login?.createClientClass(),
      keepAlive: true,
      // Without a timeout, a query on a connection that went silent would wait until TCP gives up.
      query_timeout: queryTimeoutMs,
      onPoolCreated(pool: Pool) {
        dropLostConnections(pool);
        nameCaller(pool);
        observeQueries(pool, { onQuery, isTraced });
        onPool?.(pool);
      },
    },
    pool: { min: 0, max: MAX_CONNECTIONS },
    allowGlobalContext: false,
    // Drops the pool's own messages about lost connections: the query that failed reports what matters.
    logger: () => {},
  });
}

/** Runs single statements without the ORM. */
export function createQuery(database: Database): Query {
  return (sql, parameters) => database.em.getConnection().execute(sql, [...parameters]);
}
