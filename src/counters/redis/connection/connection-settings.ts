import { readFileSync } from 'node:fs';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import type { Login } from '../../../files/login-file.ts';
import type { StoreLogger } from '../../../interfaces/logger.ts';
import { openRedisLogins, type RedisLoginOptions } from './redis-logins.ts';
import type { Host, RedisUrl } from './redis-url.ts';

/** Options of one ioredis connection, which `openClient` opens. */
export interface ConnectionSettings {
  /** The type of replies is derived from `replyMapping`. */
  readonly options: RedisOptions & { readonly replyMapping: 'legacy' };
  /** Reads the login for each attempt to connect. */
  readonly readLogin: () => Login;
}

/** TLS files, the login of Sentinels, and files of passwords: access that a Redis URL does not contain. */
export interface RedisAccess extends RedisLoginOptions {
  /** Paths of PEM files, for `rediss` URLs. They are read once. */
  readonly tls: {
    /** Certificates of the authorities that sign the servers' certificates. undefined: the system's authorities. */
    readonly caFile?: string | undefined;
    /** Client certificate, for servers that require one; that is Redis' default. Needs `keyFile`. */
    readonly certFile?: string | undefined;
    readonly keyFile?: string | undefined;
  };
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
  /** Stops watching the files of logins. */
  readonly close: () => void;
}

/** Reads the TLS files if the URL asks for TLS. Throws when one cannot be read. */
export function createSettingsFactory(url: RedisUrl, access: RedisAccess, log: StoreLogger): ConnectionSettingsFactory {
  const tls = url.isTls ? readTlsFiles(access.tls) : undefined;
  const logins = openRedisLogins(url, access, log);
  return {
    forServer: (host) => ({
      options: { ...commonOptions(host, tls), db: url.database },
      readLogin: logins.forServer,
    }),
    forSentinel: (host) => ({
      options: {
        ...commonOptions(host, tls),
        commandTimeout: DISCOVERY_TIMEOUT_MS,
        enableReadyCheck: false, // it sends INFO, a permission that nothing else here needs
      },
      readLogin: logins.forSentinel,
    }),
    close: () => logins.close(),
  };
}

function readTlsFiles({ caFile, certFile, keyFile }: RedisAccess['tls']): TlsOptions {
  return {
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
  };
}

function commonOptions({ host, port }: Host, tls: TlsOptions | undefined): ConnectionSettings['options'] {
  return {
    ...(port === 0 ? { path: host } : { host, port }),
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

/** Starts at 40 ms and doubles up to 1 s. Half of it is random, so that nodes do not reconnect all at once. */
function computeBackoffMs(attempt: number): number {
  const maxMs = Math.min(MAX_BACKOFF_MS, 20 * 2 ** Math.min(attempt, 10));
  return maxMs / 2 + Math.random() * (maxMs / 2);
}
