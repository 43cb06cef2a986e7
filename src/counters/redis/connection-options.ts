import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import type { Host, RedisUrl } from './redis-url.ts';

/** ioredis' options of one connection. Its constructor asks for the type to tell which forms replies have. */
export type ConnectionSettings = RedisOptions & { readonly replyMapping: 'legacy' };

/** What connections need beyond the URL. */
export interface RedisAccess {
  /** PEM of the authorities that may have signed the servers' certificates; undefined: the system's. */
  readonly tlsCa?: string | undefined;
  /** As whom the Sentinels are asked; undefined: as nobody. The URL's user and password are the servers'. */
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
}

const CONNECT_TIMEOUT_MS = 1000;
/** A server that is silent for so long is left: after a failover its address may lead elsewhere. */
const SILENCE_MS = 2000;
/** A server that does not end its half of a connection is dropped after this. */
const DISCONNECT_TIMEOUT_MS = 100;
/** A Sentinel that is stopped or cut off holds up the others for so long. */
const SENTINEL_TIMEOUT_MS = 300;
const LONGEST_BACKOFF_MS = 1000;
/** Sentinels are asked oftener, as they are what tells of a new master. */
const LONGEST_SENTINEL_BACKOFF_MS = 250;

/** Of a connection to one server, at the address. */
export function serverOptions(url: RedisUrl, { tlsCa }: RedisAccess, { host, port }: Host): ConnectionSettings {
  return {
    host,
    port,
    db: url.database,
    ...(url.username !== undefined && { username: url.username }),
    ...(url.password !== undefined && { password: url.password }),
    ...(url.isTls && { tls: tlsOptions(tlsCa) }),
    // A charge that is sent again may count twice; one that waits is decided when nobody asks any more.
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: (attempt) => backoffMs(attempt, LONGEST_BACKOFF_MS),
    reconnectOnError: (error) => error.message.startsWith('READONLY'), // a failover made this server a replica
    connectionName: 'weir',
    replyMapping: 'legacy',
  };
}

/** Of a connection to whichever server the Sentinels call the master; it is left when they name another one. */
export function sentinelOptions(url: RedisUrl, access: RedisAccess, master: string): ConnectionSettings {
  const { host: _, port: __, ...options } = serverOptions(url, access, { host: '', port: 0 });
  const retry = (attempt: number) => backoffMs(attempt, LONGEST_SENTINEL_BACKOFF_MS);
  return {
    ...options,
    sentinels: [...url.hosts],
    name: master,
    ...(access.sentinelUsername !== undefined && { sentinelUsername: access.sentinelUsername }),
    ...(access.sentinelPassword !== undefined && { sentinelPassword: access.sentinelPassword }),
    ...(url.isTls && { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(access.tlsCa) }),
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    sentinelRetryStrategy: retry,
    retryStrategy: retry,
    failoverDetector: true,
  };
}

function tlsOptions(ca: string | undefined): TlsOptions {
  return ca === undefined ? {} : { ca };
}

/** 40 ms at first, doubled up to the longest, with half of it by chance: nodes do not come back all at once. */
function backoffMs(attempt: number, longestMs: number): number {
  const longest = Math.min(longestMs, 20 * 2 ** Math.min(attempt, 10));
  return longest / 2 + Math.random() * (longest / 2);
}
