import { parseDatabaseUrl } from './database-url.ts';
import { readTlsOptions, type TlsOptions } from './tls-options.ts';

/** Options of a node-postgres connection or pool. Every connection to the catalog's database uses these. */
export interface ConnectionOptions {
  /** The URL without parameters: node-postgres gives some of them another meaning than libpq, and ignores others. */
  readonly connectionString: string;
  /** Always set. Otherwise node-postgres would read PGSSLMODE with a meaning of its own. */
  readonly ssl: TlsOptions | false;
  readonly sslnegotiation: 'postgres' | 'direct';
  readonly application_name: string;
  readonly connectionTimeoutMillis: number;
  readonly options?: string;
}

const CONNECT_TIMEOUT_MS = 5_000;
const APPLICATION_NAME = 'weir';

/** Reads the options from a Postgres URL and the files that it names. Throws InvalidDatabaseUrl. */
export function readConnectionOptions(url: string): ConnectionOptions {
  const parsed = parseDatabaseUrl(url);
  const { address, negotiation, applicationName, connectTimeoutSeconds, options } = parsed;
  return {
    connectionString: address,
    ssl: readTlsOptions(parsed),
    sslnegotiation: negotiation,
    application_name: applicationName ?? APPLICATION_NAME,
    connectionTimeoutMillis: connectTimeoutSeconds === undefined ? CONNECT_TIMEOUT_MS : connectTimeoutSeconds * 1000,
    ...(options !== undefined && { options }),
  };
}
