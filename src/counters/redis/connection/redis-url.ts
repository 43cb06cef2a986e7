/** The parts of a Redis URL. */
export interface RedisUrl {
  /** The server, the Sentinels, or some nodes of the cluster; those name the others. */
  readonly hosts: readonly [Host, ...Host[]];
  /** The kind of the hosts. `master` is the name that the Sentinels use. */
  readonly topology: { readonly kind: 'server' | 'cluster' } | { readonly kind: 'sentinel'; readonly master: string };
  readonly isTls: boolean;
  /** Login of the servers that hold counters. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

export interface Host {
  /** A name or an address, IPv6 without brackets. Of a Unix socket, its path, which begins with `/`. */
  readonly host: string;
  /** 0: the host is a Unix socket. */
  readonly port: number;
}

export function formatHost({ host, port }: Host): string {
  return port === 0 ? host : `${host}:${port}`;
}

/** A URL that cannot be parsed. The message says what was expected. It repeats nothing of the URL, which may hold a password. */
export class InvalidRedisUrl extends Error {
  override readonly name = 'InvalidRedisUrl';
}

const DEFAULT_SERVER_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26_379;
const URL_FORM =
  /^redis(?<tls>s)?(?:\+(?<kind>sentinel|cluster|unix))?:\/\/(?:(?<user>.*)@)?(?<hosts>[^/@]*)(?<path>\/.*)?$/;
/** An absolute path of a file. */
const SOCKET_PATH_FORM = /^\/.*[^/]$/;
const HOST_FORM = /^(?:\[(?<bracketed>[0-9a-fA-F:.]+)\]|(?<name>[\w.-]+))(?::(?<port>\d{1,5}))?$/;

/**
 * Parses a Redis URL. Throws InvalidRedisUrl. There are four forms, user and password are percent-encoded, and with
 * `rediss` in place of `redis` every connection uses TLS:
 *
 * - `redis://[user:password@]host[:6379][/database]`
 * - `redis+unix://[user:password@]/path/of/the/socket`, without TLS and with database 0
 * - `redis+sentinel://[user:password@]host[:26379],…/master[/database]`
 * - `redis+cluster://[user:password@]host[:6379],…`
 */
export function parseRedisUrl(text: string): RedisUrl {
  rejectParameters(text);
  const { tls, kind = 'server', user, hosts = '', path = '' } = URL_FORM.exec(text)?.groups ?? reject(EXPECTED_SCHEMES);
  if (kind === 'unix') {
    if (tls !== undefined) reject('must begin with redis+unix://, because a Unix socket has no TLS');
    if (hosts !== '' || !SOCKET_PATH_FORM.test(path)) reject('must name the path of its socket: redis+unix:///path');
    const socket = { host: path, port: 0 };
    return { topology: { kind: 'server' }, hosts: [socket], isTls: false, ...parseCredentials(user), database: 0 };
  }
  const segments = path.split('/').slice(1);
  if (path.endsWith('/')) segments.pop();
  const master = kind === 'sentinel' ? takeMaster(segments) : '';
  return {
    topology: kind === 'sentinel' ? { kind, master } : { kind: kind === 'cluster' ? kind : 'server' },
    hosts: parseHosts(hosts, kind),
    isTls: tls !== undefined,
    ...parseCredentials(user),
    database: parseDatabase(segments, kind),
  };
}

const EXPECTED_SCHEMES =
  'must be a URL that begins with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster://, ' +
  'rediss+cluster:// or redis+unix://';

/**
 * A parameter would have no effect, and many clients set TLS by parameters. A `?` in front of an `@` is part of a password
 * that is not percent-encoded.
 */
function rejectParameters(text: string): void {
  const [, name] = /[?&#]([\w.-]*)[^@]*$/.exec(text) ?? [];
  if (name === undefined) return;
  const found = /^[A-Za-z][\w.-]{0,39}$/.test(name) && text.includes(`${name}=`) ? ` (got "${name}")` : '';
  reject(
    `must have no parameters${found}; rediss in place of redis means TLS, and REDIS_TLS_CA_FILE, REDIS_TLS_CERT_FILE and ` +
      'REDIS_TLS_KEY_FILE name its files',
  );
}

function reject(expected: string): never {
  throw new InvalidRedisUrl(expected);
}

function parseHosts(list: string, kind: string): RedisUrl['hosts'] {
  const [first = '', ...others] = list.split(',');
  if (kind === 'server' && others.length > 0) {
    reject('must name one host; only redis+sentinel:// and redis+cluster:// take several');
  }
  const defaultPort = kind === 'sentinel' ? DEFAULT_SENTINEL_PORT : DEFAULT_SERVER_PORT;
  return [parseHost(first, defaultPort), ...others.map((host) => parseHost(host, defaultPort))];
}

function parseHost(text: string, defaultPort: number): Host {
  if (text === '') reject('must name its host or hosts as host[:port], separated by commas');
  const { bracketed, name, port } =
    HOST_FORM.exec(text)?.groups ?? reject('must name hosts as host[:port] or [IPv6]:port');
  const portNumber = port === undefined ? defaultPort : Number(port);
  if (portNumber < 1 || portNumber > 65_535) reject('must have ports from 1 to 65535');
  return { host: bracketed ?? name ?? '', port: portNumber };
}

function parseCredentials(user: string | undefined): Pick<RedisUrl, 'username' | 'password'> {
  if (user === undefined) return { username: undefined, password: undefined };
  const colon = user.indexOf(':');
  if (colon < 0) reject('must have a password after the user: user:password@ or :password@');
  try {
    const [username, password] = [user.slice(0, colon), user.slice(colon + 1)].map(decodeURIComponent);
    return { username: username || undefined, password: password || undefined };
  } catch {
    return reject('must have its user and password percent-encoded');
  }
}

/** Removes the first segment and returns it. */
function takeMaster(segments: string[]): string {
  const master = segments.shift() ?? '';
  if (!/^[\w.-]+$/.test(master)) reject('must name the master that the Sentinels watch, after the hosts: /master');
  return master;
}

function parseDatabase([database = '0', ...rest]: readonly string[], kind: string): number {
  if (kind === 'cluster' && database !== '0') reject('must name no database: a cluster has only 0');
  if (rest.length > 0 || !/^\d{1,5}$/.test(database))
    reject('must end with the number of its database, or with nothing');
  return Number(database);
}
