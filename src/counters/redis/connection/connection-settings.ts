import { readFileSync } from 'node:fs';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import type { Host, RedisUrl } from './redis-url.ts';

/** ioredis' options of one connection. Its constructor asks for the type to tell which forms replies have. */
export type ConnectionSettings = RedisOptions & { readonly replyMapping: 'legacy' };

/** What connections need beyond the URL. */
export interface RedisAccess {
  /** Paths of PEM files, read once; for `rediss` URLs. */
  readonly tls: {
    /** The authorities that may have signed the servers' certificates; undefined: the system's. */
    readonly caFile?: string | undefined;
    /** Shown to servers that ask for a certificate, as Redis does unless told otherwise. Goes with its key. */
    readonly certFile?: string | undefined;
    readonly keyFile?: string | undefined;
  };
  /** As whom Sentinels are asked; the URL's user and password are the servers'. */
  readonly sentinel: { readonly username?: string | undefined; readonly password?: string | undefined };
}

const CONNECT_TIMEOUT_MS = 1000;
/** A server that is silent for so long is left: after a failover its address may lead elsewhere. */
const SILENCE_MS = 2000;
/** A server that does not end its half of a connection is dropped after this. */
const DISCONNECT_TIMEOUT_MS = 100;
const LONGEST_BACKOFF_MS = 1000;

/** A node of a cluster or a Sentinel that is stopped or cut off holds up the others for so long. */
export const DISCOVERY_TIMEOUT_MS = 300;

export interface ConnectionSettingsFactory {
  /** Of a connection to a server that holds counters. */
  readonly forServer: (server: Host) => ConnectionSettings;
  readonly forSentinel: (sentinel: Host) => ConnectionSettings;
}

/** Throws when a file cannot be read. */
export function createSettingsFactory(url: RedisUrl, access: RedisAccess): ConnectionSettingsFactory {
  const tls = url.isTls ? readTls(access.tls) : undefined;
  const { sentinel } = access;
  return {
    forServer: (host) => ({ ...settings(host, tls), ...login(url.username, url.password), db: url.database }),
    forSentinel: (host) => ({
      ...settings(host, tls),
      ...login(sentinel.username, sentinel.password),
      commandTimeout: DISCOVERY_TIMEOUT_MS,
      enableReadyCheck: false, // it asks for INFO, which nothing else here needs
    }),
  };
}

function readTls({ caFile, certFile, keyFile }: RedisAccess['tls']): TlsOptions {
  return {
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
  };
}

function settings({ host, port }: Host, tls: TlsOptions | undefined): ConnectionSettings {
  return {
    host,
    port,
    ...(tls !== undefined && { tls }),
    // A charge that is sent again may count twice; one that waits is decided when nobody asks any more.
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: backoffMs,
    reconnectOnError: (error) => error.message.startsWith('READONLY'), // a failover made this server a replica
    connectionName: 'weir',
    replyMapping: 'legacy',
  };
}

function login(
  username: string | undefined,
  password: string | undefined,
): Pick<RedisOptions, 'username' | 'password'> {
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
}

/** 40 ms at first, doubled up to a second, with half of it by chance: nodes do not come back all at once. */
function backoffMs(attempt: number): number {
  const longest = Math.min(LONGEST_BACKOFF_MS, 20 * 2 ** Math.min(attempt, 10));
  return longest / 2 + Math.random() * (longest / 2);
}
