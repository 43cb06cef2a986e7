import path from 'node:path';
import { type Config, InvalidConfig, readConfig, readProcessEnvironment } from '../config.ts';
import type { ConfigWarning } from '../find-warnings.ts';
import type { Address } from '../formats.ts';
import type { RulesConfig } from '../sections/rules-config.ts';
import { translateRedisSettings } from './redis-settings.ts';
import { SettingsReader } from './settings-reader.ts';
import { rejectDecisiveSettings, warnOfUnhonoredSettings } from './unhonored-settings.ts';
import { readXdsSettings, type XdsConfig } from './xds-settings.ts';

/** The settings of `weir ratelimit`, from the environment of envoyproxy/ratelimit. */
export interface RatelimitConfig {
  /** Settings of the data plane, the counters and the log. Its addresses of HTTP and of the admin API mean nothing. */
  readonly node: Config;
  readonly logLevel: string;
  /** undefined: the log goes to standard output. */
  readonly logFile: Config['logFile'];
  readonly sentryDsn: Config['sentryDsn'];
  readonly warnings: readonly ConfigWarning[];
  /** `/healthcheck` and `/json`. */
  readonly httpAddress: Address;
  /** `/rlconfig` and `/metrics`. */
  readonly debugAddress: Address;
  /** undefined: metrics are at `debugAddress` alone. */
  readonly prometheus: { readonly address: Address; readonly path: string } | undefined;
  readonly rules: RatelimitRulesConfig;
  /** Whether the node serves before it has rules. */
  readonly startsWithoutRules: boolean;
  /** Probes report that the node is not ready in these states. */
  readonly unready: { readonly withoutRules: boolean; readonly withoutRedis: boolean };
  /** Hits above this share of a limit count as near the limit. */
  readonly nearLimitRatio: number;
  /** Names of the headers for clients. undefined: there are none. */
  readonly headers: { readonly limit: string; readonly remaining: string; readonly reset: string } | undefined;
  readonly hasMetadata: boolean;
}

export interface RatelimitRulesConfig {
  readonly folder: RulesConfig;
  readonly chargesRejected: boolean;
  readonly quotaMode: boolean;
  /** The folder, or the server that sends the rules. */
  readonly source: { readonly path: string } | { readonly xds: XdsConfig };
}

/** Variables of Weir that apply to `weir ratelimit` as well. None of them is one of envoyproxy/ratelimit. */
const OWN_VARIABLES = [
  ...['DATA_DIR', 'REDIS_DEADLINE_MS', 'REDIS_MAX_DEADLINE_MS', 'REDIS_HISTORY_SECONDS'],
  ...['SHUTDOWN_DELAY_MS', 'SHUTDOWN_TIMEOUT_MS', 'KUBERNETES_SERVICE_HOST'],
  ...['LOG_FILE', 'LOG_FILE_MAX_MB', 'LOG_FILE_MAX_FILES', 'SENTRY_DSN', 'SENTRY_DSN_FILE'],
];

/** Levels of logrus, which envoyproxy/ratelimit logs with, and Weir's. */
const LOG_LEVELS = {
  PANIC: 'fatal',
  FATAL: 'fatal',
  ERROR: 'error',
  WARN: 'warn',
  WARNING: 'warn',
  INFO: 'info',
  DEBUG: 'debug',
  TRACE: 'trace',
} as const;
const LOG_LEVEL_NAMES = Object.keys(LOG_LEVELS) as (keyof typeof LOG_LEVELS)[]; // the keys of a constant

const DAY_MS = 86_400_000;
/** Bounds of DECISION_MAX_CONNECTION_AGE, in ms. */
const CONNECTION_AGE = { min: 10_000, max: 7 * DAY_MS };
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Reads the configuration of this process, as `weir ratelimit` reads it. */
export function readRatelimitProcessConfig(): RatelimitConfig {
  return readRatelimitConfig(readProcessEnvironment());
}

/**
 * Reads an environment of envoyproxy/ratelimit, with the defaults of its src/settings/settings.go. Throws InvalidConfig
 * with all faults. A variable without an effect is a warning, unless decisions would differ.
 */
export function readRatelimitConfig(environment: Readonly<Record<string, string | undefined>>): RatelimitConfig {
  const settings = new SettingsReader(environment);
  rejectDecisiveSettings(settings);
  warnOfUnhonoredSettings(settings);
  const own = readSettings(settings);
  const node = readNode(environment, settings);
  if (node === undefined || settings.faults.length > 0) throw new InvalidConfig(settings.faults.join('\n'));
  return {
    ...own,
    node,
    logLevel: node.logLevel,
    logFile: node.logFile,
    sentryDsn: node.sentryDsn,
    warnings: [...settings.warnings, ...node.warnings],
  };
}

function readSettings(
  settings: SettingsReader,
): Omit<RatelimitConfig, 'node' | 'logLevel' | 'logFile' | 'sentryDsn' | 'warnings'> {
  return {
    httpAddress: { host: settings.text('HOST', '0.0.0.0'), port: settings.port('PORT', 8080) },
    debugAddress: { host: settings.text('DEBUG_HOST', '0.0.0.0'), port: settings.port('DEBUG_PORT', 6070) },
    prometheus: readPrometheus(settings),
    rules: readRules(settings),
    startsWithoutRules: settings.flag('FORCE_START_WITHOUT_INITIAL_CONFIG', false),
    unready: {
      withoutRules: settings.flag('HEALTHY_WITH_AT_LEAST_ONE_CONFIG_LOADED', false),
      withoutRedis: settings.flag('REDIS_HEALTH_CHECK_ACTIVE_CONNECTION', false),
    },
    nearLimitRatio: settings.number('NEAR_LIMIT_RATIO', 0.8, 0, 1),
    headers: readHeaders(settings),
    hasMetadata: readMetadataFlag(settings),
  };
}

function readPrometheus(settings: SettingsReader): RatelimitConfig['prometheus'] {
  const isOn = settings.flag('USE_PROMETHEUS', false) && !settings.flag('DISABLE_STATS', false);
  const text = settings.text('PROMETHEUS_ADDR', ':9090');
  const { bracketed, name, port } =
    /^(?:\[(?<bracketed>[^\]]*)\]|(?<name>[^:]*)):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  const location = settings.text('PROMETHEUS_PATH', '/metrics');
  if (!location.startsWith('/')) settings.fault('PROMETHEUS_PATH', 'must begin with /');
  if (port === undefined || Number(port) > 65_535) {
    settings.fault('PROMETHEUS_ADDR', 'must be host:port or :port');
    return undefined;
  }
  return isOn ? { address: { host: bracketed || name || '0.0.0.0', port: Number(port) }, path: location } : undefined;
}

function readRules(settings: SettingsReader): RatelimitRulesConfig {
  const type = settings.word('CONFIG_TYPE', ['FILE', 'GRPC_XDS_SOTW'], 'FILE');
  // Weir notices changed files and changed links, so it needs no RUNTIME_WATCH_ROOT. Its value is only checked.
  settings.flag('RUNTIME_WATCH_ROOT', true);
  const folder = path.join(
    settings.text('RUNTIME_ROOT', '/srv/runtime_data/current'),
    settings.text('RUNTIME_SUBDIRECTORY', ''),
    settings.text('RUNTIME_APPDIRECTORY', 'config'),
  );
  return {
    folder: {
      ignoreDotFiles: settings.flag('RUNTIME_IGNOREDOTFILES', false),
      mergeDomains: settings.flag('MERGE_DOMAIN_CONFIG', false),
    },
    chargesRejected: !settings.flag('STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT', false),
    quotaMode: settings.flag('QUOTA_MODE', false),
    source: type === 'FILE' ? { path: folder } : { xds: readXdsSettings(settings) },
  };
}

function readHeaders(settings: SettingsReader): RatelimitConfig['headers'] {
  const readName = (name: string, defaultName: string): string => {
    const header = settings.text(name, defaultName);
    if (!HEADER_NAME.test(header)) settings.fault(name, 'must be the name of a header');
    return header;
  };
  const headers = {
    limit: readName('LIMIT_LIMIT_HEADER', 'RateLimit-Limit'),
    remaining: readName('LIMIT_REMAINING_HEADER', 'RateLimit-Remaining'),
    reset: readName('LIMIT_RESET_HEADER', 'RateLimit-Reset'),
  };
  return settings.flag('LIMIT_RESPONSE_HEADERS_ENABLED', false) ? headers : undefined;
}

function readMetadataFlag(settings: SettingsReader): boolean {
  const isOn = settings.flag('RESPONSE_DYNAMIC_METADATA', false);
  if (isOn) settings.warn('RESPONSE_DYNAMIC_METADATA', 'answers have metadata, with the fields of Weir');
  return isOn;
}

/** undefined: the faults have been reported. */
function readNode(
  environment: Readonly<Record<string, string | undefined>>,
  settings: SettingsReader,
): Config | undefined {
  const own = Object.fromEntries(OWN_VARIABLES.map((name) => [name, environment[name]]));
  const port = settings.port('GRPC_PORT', 8081);
  const host = settings.text('GRPC_HOST', '0.0.0.0');
  try {
    return readConfig({
      ...own,
      ...translateRedisSettings(settings),
      ...translateTls(settings),
      DECISION_ADDRESS: `${host.includes(':') ? `[${host}]` : host}:${port}`,
      DECISION_MAX_CONNECTION_AGE: translateConnectionAge(settings),
      LOG_LEVEL: LOG_LEVELS[settings.word('LOG_LEVEL', LOG_LEVEL_NAMES, 'WARN')],
      RATE_LIMIT_HEADERS: 'off',
      SHADOW_MODE: `${settings.flag('SHADOW_MODE', false)}`,
    });
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    settings.faults.push(...error.message.split('\n'));
    return undefined;
  }
}

function translateTls(settings: SettingsReader): Readonly<Record<string, string | undefined>> {
  if (!settings.flag('GRPC_SERVER_USE_TLS', false)) return {};
  const certFile = settings.file('GRPC_SERVER_TLS_CERT');
  const keyFile = settings.file('GRPC_SERVER_TLS_KEY');
  if (certFile === undefined || keyFile === undefined) {
    settings.fault('GRPC_SERVER_USE_TLS', 'needs GRPC_SERVER_TLS_CERT and GRPC_SERVER_TLS_KEY');
    return {};
  }
  return {
    DECISION_TLS_CERT_FILE: certFile,
    DECISION_TLS_KEY_FILE: keyFile,
    DECISION_TLS_CLIENT_CA_FILE: settings.file('GRPC_CLIENT_TLS_CACERT'),
    DECISION_CLIENT_IDENTITIES: settings.read('GRPC_CLIENT_TLS_SAN'),
  };
}

function translateConnectionAge(settings: SettingsReader): string | undefined {
  const ageMs = settings.duration('GRPC_MAX_CONNECTION_AGE', DAY_MS);
  if (ageMs >= CONNECTION_AGE.min && ageMs <= CONNECTION_AGE.max) return `${Math.floor(ageMs / 1000)}s`;
  settings.warn('GRPC_MAX_CONNECTION_AGE', 'this variable has an effect from 10s to 168h; connections may stay open');
  return undefined;
}
