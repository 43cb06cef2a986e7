import { readFileSync } from 'node:fs';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import type { Host, RedisUrl } from './redis-url.ts';

/** Options of one ioredis connection. Its constructor derives the types of replies from `replyMapping`. */
export type ConnectionSettings = RedisOptions & { readonly replyMapping: 'legacy' };

/** TLS files and the login of Sentinels: access that a Redis URL does not contain. */
export interface RedisAccess {
  /** Paths of PEM files, for `rediss` URLs. They are read once. */
  readonly tls: {
    /** Certificates of the authorities that sign the servers' certificates. undefined: the system's authorities. */
    readonly caFile?: string | undefined;
    /** Client certificate, for servers that require one; that is Redis' default. Needs `keyFile`. */
    readonly certFile?: string | undefined;
    readonly keyFile?: string | undefined;
  };
  /** Login of the Sentinels. User and password in the URL are those of the servers. */
  readonly sentinel: { readonly username?: string | undefined; readonly password?: string | undefined };
}

const CONNECT_TIMEOUT_MS = 1000;
/** A connection that is silent for this time is closed: after a failover the address may lead elsewhere. */
const SOCKET_TIMEOUT_MS = 2000;
/** Time until a connection is dropped whose server does not end its half. */
const DISCONNECT_TIMEOUT_MS = 100;
const MAX_BACKOFF_MS = 1000;

/** Longest time that a cluster node or Sentinel that is stopped or unreachable delays the query of the next one. */
export const DISCOVERY_TIMEOUT_MS = 300;

/** Creates the settings of single connections. */
export interface ConnectionSettingsFactory {
  /** For a server that holds counters. */
  readonly forServer: (server: Host) => ConnectionSettings;
  readonly forSentinel: (sentinel: Host) => ConnectionSettings;
}

/** Reads the TLS files if the URL asks for TLS. Throws when one cannot be read. */
export function createSettingsFactory(url: RedisUrl, access: RedisAccess): ConnectionSettingsFactory {
  const tls = url.isTls ? readTlsFiles(access.tls) : undefined;
  const { sentinel } = access;
  return {
    forServer: (host) => ({
      ...commonSettings(host, tls),
      ...loginSettings(url.username, url.password),
      db: url.database,
    }),
    forSentinel: (host) => ({
      ...commonSettings(host, tls),
      ...loginSettings(sentinel.username, sentinel.password),
      commandTimeout: DISCOVERY_TIMEOUT_MS,
      enableReadyCheck: false, // it sends INFO, a permission that nothing else here needs
    }),
  };
}

function readTlsFiles({ caFile, certFile, keyFile }: RedisAccess['tls']): TlsOptions {
  return {
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
  };
}

function commonSettings({ host, port }: Host, tls: TlsOptions | undefined): ConnectionSettings {
  return {
    host,
    port,
    ...(tls !== undefined && { tls }),
    // A charge that is sent twice may count twice. One that waits in a queue is decided after its deadline.
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    retryStrategy: computeBackoffMs,
    reconnectOnError: (error) => error.message.startsWith('READONLY'), // a failover made this server a replica
    connectionName: 'weir',
    replyMapping: 'legacy',
  };
}

function loginSettings(
  username: string | undefined,
  password: string | undefined,
): Pick<RedisOptions, 'username' | 'password'> {
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
}

/** Starts at 40 ms and doubles up to 1 s. Half of it is random, so that nodes do not reconnect all at once. */
function computeBackoffMs(attempt: number): number {
  const maxMs = Math.min(MAX_BACKOFF_MS, 20 * 2 ** Math.min(attempt, 10));
  return maxMs / 2 + Math.random() * (maxMs / 2);
}
