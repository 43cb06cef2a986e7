/** What a Redis URL says. */
export interface RedisUrl {
  /** The server; the Sentinels; or nodes of the cluster, from which the others are learned. */
  readonly hosts: readonly [Host, ...Host[]];
  /** What the hosts are. */
  readonly topology: { readonly kind: 'server' | 'cluster' } | { readonly kind: 'sentinel'; readonly master: string };
  readonly isTls: boolean;
  /** Of the servers that hold counters. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

export interface Host {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export function formatHost({ host, port }: Host): string {
  return `${host}:${port}`;
}

/** The message says what was expected and repeats nothing of the URL: it may hold a password. */
export class InvalidRedisUrl extends Error {
  override readonly name = 'InvalidRedisUrl';
}

const SERVER_PORT = 6379;
const SENTINEL_PORT = 26_379;
const FORM = /^redis(?<tls>s)?(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<user>.*)@)?(?<hosts>[^/@]*)(?<path>\/.*)?$/;
const HOST_FORM = /^(?:\[(?<bracketed>[0-9a-fA-F:.]+)\]|(?<name>[\w.-]+))(?::(?<port>\d{1,5}))?$/;

/**
 * Reads `redis://[user:password@]host[:6379][/database]`,
 * `redis+sentinel://[user:password@]host[:26379],…/master[/database]` or
 * `redis+cluster://[user:password@]host[:6379],…`; with `rediss` every connection is by TLS. User and password stand
 * percent-encoded. Throws InvalidRedisUrl.
 */
export function parseRedisUrl(text: string): RedisUrl {
  const { tls, kind = 'server', user, hosts = '', path = '' } = FORM.exec(text)?.groups ?? refuse(SCHEMES);
  const segments = path.split('/').slice(1);
  if (path.endsWith('/')) segments.pop();
  const master = kind === 'sentinel' ? masterOf(segments) : '';
  return {
    topology: kind === 'sentinel' ? { kind, master } : { kind: kind === 'cluster' ? kind : 'server' },
    hosts: hostsOf(hosts, kind),
    isTls: tls !== undefined,
    ...credentialsOf(user),
    database: databaseOf(segments, kind),
  };
}

const SCHEMES =
  'must be a URL that begins with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or ' +
  'rediss+cluster://';

function refuse(expected: string): never {
  throw new InvalidRedisUrl(expected);
}

function hostsOf(list: string, kind: string): RedisUrl['hosts'] {
  const [first = '', ...others] = list.split(',');
  if (kind === 'server' && others.length > 0) {
    refuse('must name one host; several are for redis+sentinel:// and redis+cluster://');
  }
  const usualPort = kind === 'sentinel' ? SENTINEL_PORT : SERVER_PORT;
  return [hostOf(first, usualPort), ...others.map((each) => hostOf(each, usualPort))];
}

function hostOf(text: string, usualPort: number): Host {
  if (text === '') refuse('must name its host or hosts, host[:port], with a comma between two');
  const { bracketed, name, port } =
    HOST_FORM.exec(text)?.groups ?? refuse('must name hosts as host[:port] or [IPv6]:port');
  const number = port === undefined ? usualPort : Number(port);
  if (number < 1 || number > 65_535) refuse('must have ports from 1 to 65535');
  return { host: bracketed ?? name ?? '', port: number };
}

function credentialsOf(user: string | undefined): Pick<RedisUrl, 'username' | 'password'> {
  if (user === undefined) return { username: undefined, password: undefined };
  const colon = user.indexOf(':');
  if (colon < 0) refuse('must have a password where it has a user, user:password@ or :password@');
  try {
    const [username, password] = [user.slice(0, colon), user.slice(colon + 1)].map(decodeURIComponent);
    return { username: username || undefined, password: password || undefined };
  } catch {
    return refuse('must have its user and password percent-encoded');
  }
}

/** Takes the first segment. */
function masterOf(segments: string[]): string {
  const master = segments.shift() ?? '';
  if (!/^[\w.-]+$/.test(master)) refuse('must name the master that the Sentinels watch, after the hosts: /master');
  return master;
}

function databaseOf([database = '0', ...rest]: readonly string[], kind: string): number {
  if (kind === 'cluster' && database !== '0') refuse('must name no database: a cluster has only 0');
  if (rest.length > 0 || !/^\d{1,5}$/.test(database)) refuse('must end with its database, a number, or nothing');
  return Number(database);
}
