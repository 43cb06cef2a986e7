import type { SettingsReader } from './settings-reader.ts';

/**
 * Variables of envoyproxy/ratelimit (src/settings/settings.go) that `weir ratelimit` does not honor and that change no
 * decision, with what happens instead.
 */
export const UNHONORED_SETTINGS: Readonly<Record<string, string>> = {
  LOG_FORMAT: 'the log is JSON',
  GRPC_MAX_CONNECTION_AGE_GRACE: 'a connection that is too old stays open until its calls have ended',
  REDIS_POOL_SIZE: 'all calls share one connection to each Redis server',
  REDIS_POOL_ON_EMPTY_BEHAVIOR: 'all calls share one connection to each Redis server',
  REDIS_PIPELINE_WINDOW: 'calls that arrive together are always sent together',
  REDIS_PIPELINE_LIMIT: 'calls that arrive together are always sent together',
  REDIS_CLUSTER_PIPELINE_PARALLELISM: 'calls that arrive together are always sent together',
  REDIS_STARTUP_INITIAL_INTERVAL: 'the node connects to Redis by itself, and decides alone until then',
  REDIS_STARTUP_MAX_INTERVAL: 'the node connects to Redis by itself, and decides alone until then',
  REDIS_STARTUP_MAX_ELAPSED_TIME: 'the node connects to Redis by itself, and decides alone until then',
  REDIS_PERSECOND: 'limits per second are counted in REDIS_URL, like all others',
  EXPIRATION_JITTER_MAX_SECONDS: 'counters expire with their windows',
  LOCAL_CACHE_SIZE_IN_BYTES: 'exceeded limits are always remembered, for a quarter of a second',
  USE_STATSD: 'metrics are for Prometheus: set USE_PROMETHEUS=true',
  USE_DOG_STATSD: 'metrics are for Prometheus: set USE_PROMETHEUS=true',
  USE_DOG_STATSD_MOGRIFIERS: 'metrics are for Prometheus: set USE_PROMETHEUS=true',
  EXTRA_TAGS: 'add labels where Prometheus scrapes the metrics',
  PROMETHEUS_RESPONSE_TIME_AS_MILLISECONDS: 'ratelimit_service_response_time_seconds is in seconds',
  PROMETHEUS_MAPPER_YAML: 'metrics have the names of the default mapper',
  TRACING_ENABLED: 'there are no traces',
};

/** Values that turn a setting off. */
const OFF = /^(?:0|f|F|FALSE|false|False|0(?:ns|us|ms|s|m|h))$/;

/** Warns of each variable that is set and not honored. */
export function warnOfUnhonoredSettings(settings: SettingsReader): void {
  for (const [name, instead] of Object.entries(UNHONORED_SETTINGS)) {
    const value = settings.read(name);
    if (value === undefined || OFF.test(value) || isHonored(name, value)) continue;
    settings.warn(name, `this variable has no effect; ${instead}`);
  }
}

function isHonored(name: string, value: string): boolean {
  return (name === 'LOG_FORMAT' && value.toLowerCase() === 'json') || value.toUpperCase() === 'WAIT';
}

/** Reports settings that Weir does not have, and without which it would decide differently. */
export function rejectDecisiveSettings(settings: SettingsReader): void {
  if (settings.text('BACKEND_TYPE', 'redis').toLowerCase() !== 'redis') {
    settings.fault('BACKEND_TYPE', 'must be redis: counters are in Redis, or in memory without REDIS_URL');
  }
  if (settings.read('CACHE_KEY_PREFIX') !== undefined) {
    const description =
      'must be unset: Weir has no prefix of keys; give each deployment its own database, as in host:6379/1';
    settings.fault('CACHE_KEY_PREFIX', description);
  }
  if (settings.read('GRPC_UDS') !== undefined) {
    settings.fault('GRPC_UDS', 'must be unset: Weir listens on TCP, at GRPC_HOST and GRPC_PORT');
  }
  if (settings.flag('REDIS_TLS_SKIP_HOSTNAME_VERIFICATION', false)) {
    const description = 'must be false: Weir always verifies the host; REDIS_TLS_CACERT names its authority';
    settings.fault('REDIS_TLS_SKIP_HOSTNAME_VERIFICATION', description);
  }
}
