import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { migrations } from '../../migrations/index.ts';
import type { Query } from '../interfaces/query.ts';
import { dropLostConnections } from './drop-lost-connections.ts';
import { entities } from './entities.ts';

export type Database = MikroORM;

const CONNECT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 10;

/** Opens a connection pool, which connects at the first query. Close it with `database.close(true)`. */
export async function openDatabase(options: { readonly url: string }): Promise<Database> {
  return MikroORM.init({
    clientUrl: options.url,
    entities,
    extensions: [Migrator],
    migrations: { migrationsList: migrations, tableName: 'migration', snapshot: false, silent: true },
    driverOptions: {
      application_name: 'weir',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      // Without a timeout, a query on a connection that went silent would wait until TCP gives up.
      query_timeout: QUERY_TIMEOUT_MS,
      onPoolCreated: dropLostConnections,
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
