import type { SettingsReader } from './settings-reader.ts';

/** The longest time that Weir waits for Redis. Envoy's own timeout is far below. */
const MAX_TIMEOUT_MS = 1000;

/** Translates the REDIS_* variables of envoyproxy/ratelimit to Weir's. undefined values are unset. */
export function translateRedisSettings(settings: SettingsReader): Readonly<Record<string, string | undefined>> {
  const location = settings.read('REDIS_URL');
  const isTls = settings.flag('REDIS_TLS', false);
  const type = settings.word('REDIS_TYPE', ['SINGLE', 'SENTINEL', 'CLUSTER'], 'SINGLE');
  const isSocket = settings.read('REDIS_SOCKET_TYPE')?.toLowerCase() === 'unix' || location?.startsWith('/');
  if (location === undefined) {
    settings.warn('REDIS_URL', 'REDIS_URL is not set: counters are in the memory of this node, which counts alone');
    return {};
  }
  if (isSocket && (type !== 'SINGLE' || isTls || !location.startsWith('/'))) {
    settings.fault(
      'REDIS_SOCKET_TYPE',
      'must be tcp, unless REDIS_URL is the path of a socket of one server without TLS',
    );
    return {};
  }
  const url = isSocket
    ? `redis+unix://${location}`
    : type === 'SENTINEL'
      ? formatSentinelUrl(location, settings)
      : formatUrl(location, type);
  return {
    REDIS_URL: url === undefined ? undefined : addLogin(isTls ? url.replace(/^redis(?!s)/, 'rediss') : url, settings),
    ...(isTls && {
      REDIS_TLS_CA_FILE: settings.read('REDIS_TLS_CACERT'),
      REDIS_TLS_CERT_FILE: settings.read('REDIS_TLS_CLIENT_CERT'),
      REDIS_TLS_KEY_FILE: settings.read('REDIS_TLS_CLIENT_KEY'),
    }),
    ...(type === 'SENTINEL' && translateSentinelLogin(settings)),
    ...translateTimeout(settings),
  };
}

/** REDIS_URL is host:port, a list of them for a cluster, or a URL. */
function formatUrl(location: string, type: 'SINGLE' | 'CLUSTER'): string {
  const scheme = type === 'CLUSTER' ? 'redis+cluster' : 'redis';
  const [, tls = '', rest = location] = /^redis(s?):\/\/(.*)$/s.exec(location) ?? [];
  const hosts = type === 'CLUSTER' ? rest.replaceAll(/,redis:\/\//g, ',') : rest;
  return `${scheme.replace('redis', `redis${tls}`)}://${hosts}`;
}

/** REDIS_URL is the name of the master, followed by the Sentinels. */
function formatSentinelUrl(location: string, settings: SettingsReader): string | undefined {
  const [master = '', ...hosts] = location.split(',').map((part) => part.trim());
  if (master !== '' && hosts.length > 0) return `redis+sentinel://${hosts.join(',')}/${master}`;
  settings.fault('REDIS_URL', 'must be master,host:port,host:port for REDIS_TYPE=SENTINEL');
  return undefined;
}

/** REDIS_AUTH is a password, or user:password. */
function addLogin(url: string, settings: SettingsReader): string {
  const login = settings.read('REDIS_AUTH');
  if (login === undefined || url.includes('@')) return url;
  const [user, password] = splitLogin(login);
  return url.replace('://', `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`);
}

function translateSentinelLogin(settings: SettingsReader) {
  const login = settings.read('REDIS_SENTINEL_AUTH');
  if (login === undefined) return {};
  const [user, password] = splitLogin(login);
  return { REDIS_SENTINEL_USERNAME: user, REDIS_SENTINEL_PASSWORD: password };
}

function splitLogin(login: string): readonly [user: string, password: string] {
  const colon = login.indexOf(':');
  return colon < 0 ? ['', login] : [login.slice(0, colon), login.slice(colon + 1)];
}

/** REDIS_TIMEOUT is the time after which a call fails; in Weir, the node then decides alone. */
function translateTimeout(settings: SettingsReader): Readonly<Record<string, string>> {
  if (settings.read('REDIS_TIMEOUT') === undefined) return {};
  const timeoutMs = Math.ceil(settings.duration('REDIS_TIMEOUT', 0));
  if (timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS) {
    return { REDIS_DEADLINE_MS: `${timeoutMs}`, REDIS_MAX_DEADLINE_MS: `${timeoutMs}` };
  }
  const message = `this variable has no effect above ${MAX_TIMEOUT_MS / 1000}s; REDIS_DEADLINE_MS says when a node decides alone`;
  settings.warn('REDIS_TIMEOUT', message);
  return {};
}
