import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { RedisAccess } from '../counters/redis/connection/connection-settings.ts';
import type { Network } from '../domain/credentials/allowed-networks.ts';
import type { HostList } from '../domain/issuers/key-url.ts';
import type { TracingSettings } from '../interfaces/tracing-settings.ts';
import { findConflicts } from './find-conflicts.ts';
import { type ConfigWarning, findPlaintextAdmin, findWarnings } from './find-warnings.ts';
import type { Address, DecisionSampling } from './formats.ts';
import { addPostgresVariables } from './postgres-variables.ts';
import { readSecretFiles, withoutEmptyVariables } from './read-secret-files.ts';
import { describeUnsetSecrets, findMissingSecrets, type UnsetSecrets } from './required-secrets.ts';
import { type Answers, readAnswers } from './sections/answer-config.ts';
import { type HttpApiConfig, readHttpApiConfig } from './sections/http-api-config.ts';
import { type LogFileConfig, readLogFileConfig } from './sections/log-config.ts';
import { type DevicesConfig, type RequestConfig, readRequestConfig } from './sections/request-config.ts';
import { type RequestLogConfig, readRequestLogConfig } from './sections/request-log-config.ts';
import { type RulesConfig, readRulesConfig, rulesVariables } from './sections/rules-config.ts';
import { findShutdownFault, readShutdownConfig, type ShutdownConfig } from './sections/shutdown-config.ts';
import { readTlsConfig, type TlsConfig } from './sections/tls-config.ts';
import { readTokenConfig, type TokenConfig } from './sections/token-config.ts';
import { readTracingConfig } from './sections/tracing-config.ts';
import { readUsageConfig, type UsageConfig } from './sections/usage-config.ts';
import { SECRET_VARIABLES, VARIABLE_NAMES, type Variables, variables } from './variables.ts';

export type { Address };

/** The settings of a process. */
export interface Config {
  readonly decisionAddress: Address;
  readonly adminAddress: Address;
  readonly httpAddress: Address;
  /** The admin API on `httpAddress`; undefined: off. */
  readonly httpApi: HttpApiConfig | undefined;
  /** Proxies in front of the admin API, whose `x-forwarded-for` names the client. */
  readonly trustedProxies: readonly Network[];
  /** Where probes and metrics are served; undefined: on `httpAddress`. */
  readonly metricsAddress: Address | undefined;
  /** Where `/json` is served; undefined: nowhere. */
  readonly jsonAddress: Address | undefined;
  /** undefined: an embedded Postgres in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** The file that `databaseUrl` was read from; undefined: the variable itself has it. */
  readonly databaseUrlFile: string | undefined;
  readonly dataDir: string;
  /** undefined: counters in memory. */
  readonly redisUrl: string | undefined;
  readonly redisAccess: RedisAccess;
  readonly redisDeadlineMs: number;
  /** How long a node remembers what Redis granted, to charge it again after a failover. 0: not at all. */
  readonly redisHistoryMs: number;
  /** For decisions whose callers say that they wait longer. Not above redisDeadlineMs: nobody waits longer. */
  readonly redisMaxDeadlineMs: number;
  readonly shutdown: ShutdownConfig;
  readonly rulesPath: string | undefined;
  readonly rulesFolder: RulesConfig;
  /** The file or folder of the route table; undefined: there is none. */
  readonly routesPath: string | undefined;
  readonly adminEmail: string | undefined;
  readonly adminPassword: string | undefined;
  /** Callers who may create an account with AuthService/Register. */
  readonly registration: 'open' | 'verified' | 'closed';
  /** Time for which a node without Postgres keeps accepting API keys and tokens; undefined: no limit. */
  readonly catalogMaxStalenessMs: number | undefined;
  readonly role: 'all' | 'admin' | 'decision';
  /** Number of processes that decide. */
  readonly workers: number;
  /** Which of them this process is, from 1. The first keeps the files that a node has once. */
  readonly worker: number;
  readonly logLevel: string;
  /** undefined: the log goes to standard output. */
  readonly logFile: LogFileConfig | undefined;
  /** Where errors are reported; undefined: nowhere but in the log. */
  readonly sentryDsn: string | undefined;
  readonly tls: TlsConfig;
  /** Age after which a client of the data plane is asked to open another connection; undefined: never. */
  readonly maxConnectionAgeMs: number | undefined;
  readonly requests: RequestConfig;
  readonly devices: DevicesConfig;
  readonly answers: Answers;
  /** Whether API keys that another service issued, and that were imported, are accepted. */
  readonly acceptsImportedKeys: boolean;
  /** Part of every API key's digest; undefined: a generated one with the embedded Postgres, else none. */
  readonly keyPepper: string | undefined;
  /** Peppers of keys that were created earlier, the newest first. */
  readonly formerKeyPeppers: readonly string[];
  /** Encrypts the signing keys; undefined: a node that signs keeps a generated one in `dataDir`. */
  readonly signingKeySecret: string | undefined;
  readonly tokens: TokenConfig;
  /** Hosts from which keys of issuers may be fetched over plain http. */
  readonly insecureHttpIssuerHosts: HostList;
  /** Hosts in private networks from which keys of issuers may be fetched. */
  readonly privateIssuerHosts: HostList;
  /** Hosts of webhooks that may have private addresses, and be asked over plain http. */
  readonly webhookPrivateHosts: HostList;
  /** Signs the events of Stripe; undefined: none are taken. */
  readonly stripeWebhookSecret: string | undefined;
  /** Whom to tell about a vulnerability: a URI. undefined: there is no security.txt. */
  readonly securityContact: string | undefined;
  /** Audit events are kept at least this long. */
  readonly auditRetentionSeconds: number;
  /** Rows of deleted keys and accounts are kept this long. */
  readonly deletedKeyRetentionSeconds: number;
  readonly usage: UsageConfig;
  readonly requestLog: RequestLogConfig;
  /** Which decisions are logged; undefined: none. */
  readonly decisionLog: DecisionSampling | undefined;
  /** Where spans go; undefined: nowhere. */
  readonly tracing: TracingSettings | undefined;
  /** Longer tokens are malformed, no matter which issuer signed them. */
  readonly maxTokenBytes: number;
  /** Probable mistakes in the environment, although every value is valid. */
  readonly warnings: readonly ConfigWarning[];
  /** Logged by a node that serves; undefined: there are none. */
  readonly unsetSecrets: UnsetSecrets | undefined;
}

/** All faults of the environment, one per line, each with its variable. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig';
}

/** EX_CONFIG of sysexits.h. */
export const EXIT_CODE_CONFIG = 78;

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process, with the file .env in the working directory if there is one. */
export function readProcessEnvironment(): Environment {
  loadEnvironmentFile();
  return process.env;
}

/** Reads the configuration of this process: its environment, and the file .env in the working directory if there is one. */
export function readProcessConfig(): Config {
  return readConfig(readProcessEnvironment());
}

/** Reads the configuration for a command that serves nothing, and needs no secret that REQUIRE_SECRETS requires. */
export function readCommandConfig(): Config {
  return readConfig({ ...readProcessEnvironment(), REQUIRE_SECRETS: '' });
}

/** Reads the access token with which commands call a server; undefined if it is not set. */
export function readAccessToken(): string | undefined {
  return readProcessEnvironment().WEIR_ACCESS_TOKEN || undefined;
}

/** Reads how commands read a folder of rules, so that they read it as the service does. Throws InvalidConfig. */
export function readRulesFolderConfig(): RulesConfig {
  const values = withoutEmptyVariables(readProcessEnvironment());
  const parsed = z.object(rulesVariables).safeParse(values);
  if (parsed.success) return readRulesConfig(parsed.data);
  throw new InvalidConfig(parsed.error.issues.map((issue) => formatIssue(issue, values)).join('\n'));
}

function loadEnvironmentFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}

/** Reads the configuration from an environment, in which an empty variable counts as unset. Throws InvalidConfig. */
export function readConfig(environment: Environment): Config {
  const faults: string[] = [];
  const values = readSecretFiles(environment, faults);
  if (values.DATABASE_URL !== undefined) values.DATABASE_URL = addPostgresVariables(values.DATABASE_URL, values);
  const parsed = variables.safeParse(values);
  for (const issue of parsed.error?.issues ?? []) faults.push(formatIssue(issue, values));
  faults.push(...findConflicts(values), ...findMissingSecrets(values));
  if (parsed.success) {
    const fault = findShutdownFault(parsed.data.SHUTDOWN_DELAY_MS, parsed.data.SHUTDOWN_TIMEOUT_MS);
    if (fault !== undefined) faults.push(fault);
  }
  if (!parsed.success || faults.length > 0) throw new InvalidConfig(faults.join('\n'));
  const warnings = [...findWarnings(values, KNOWN_NAMES), ...findPlaintextAdmin(parsed.data)];
  const { SHUTDOWN_DELAY_MS: delayMs, SHUTDOWN_TIMEOUT_MS: timeoutMs } = parsed.data;
  const shutdown = readShutdownConfig({ delayMs, timeoutMs }, values.KUBERNETES_SERVICE_HOST !== undefined);
  return {
    ...toConfig(parsed.data),
    databaseUrlFile: values.DATABASE_URL_FILE,
    redisAccess: readRedisAccess(parsed.data, values),
    shutdown,
    warnings,
    unsetSecrets: describeUnsetSecrets(values),
  };
}

/** Every name that has an effect. WEIR_ACCESS_TOKEN is for commands. */
const KNOWN_NAMES = [...VARIABLE_NAMES, ...SECRET_VARIABLES.map((name) => `${name}_FILE`), 'WEIR_ACCESS_TOKEN'];

function toConfig(
  env: Variables,
): Omit<Config, 'databaseUrlFile' | 'redisAccess' | 'shutdown' | 'warnings' | 'unsetSecrets'> {
  return {
    decisionAddress: env.DECISION_ADDRESS,
    adminAddress: env.ADMIN_ADDRESS,
    httpAddress: env.HTTP_ADDRESS,
    httpApi: readHttpApiConfig(env),
    trustedProxies: env.TRUSTED_PROXIES,
    metricsAddress: env.METRICS_ADDRESS,
    jsonAddress: env.JSON_ADDRESS,
    databaseUrl: env.DATABASE_URL,
    dataDir: env.DATA_DIR,
    redisUrl: env.REDIS_URL,
    redisDeadlineMs: env.REDIS_DEADLINE_MS,
    redisHistoryMs: env.REDIS_HISTORY_SECONDS * 1000,
    redisMaxDeadlineMs: env.REDIS_MAX_DEADLINE_MS,
    rulesPath: env.RULES_PATH,
    rulesFolder: readRulesConfig(env),
    routesPath: env.ROUTES_PATH,
    adminEmail: env.ADMIN_EMAIL,
    adminPassword: env.ADMIN_PASSWORD,
    registration: env.REGISTRATION,
    catalogMaxStalenessMs: env.CATALOG_MAX_STALENESS && env.CATALOG_MAX_STALENESS * 1000,
    role: env.WEIR_ROLE,
    workers: env.WEIR_ROLE === 'admin' ? 1 : env.WORKERS,
    worker: 1,
    logLevel: env.LOG_LEVEL,
    logFile: readLogFileConfig(env),
    sentryDsn: env.SENTRY_DSN,
    tls: readTlsConfig(env),
    maxConnectionAgeMs: env.DECISION_MAX_CONNECTION_AGE,
    requests: readRequestConfig(env),
    devices: { registration: env.DEVICE_REGISTRATION },
    answers: readAnswers(env),
    acceptsImportedKeys: env.API_KEY_FORMATS.has('imported'),
    keyPepper: env.KEY_PEPPER,
    formerKeyPeppers: env.KEY_PEPPER_PREVIOUS,
    signingKeySecret: env.SIGNING_KEY_SECRET,
    tokens: readTokenConfig(env),
    insecureHttpIssuerHosts: env.INSECURE_HTTP_ISSUER_HOSTS,
    privateIssuerHosts: env.PRIVATE_ISSUER_HOSTS,
    webhookPrivateHosts: env.WEBHOOK_PRIVATE_HOSTS,
    stripeWebhookSecret: env.STRIPE_WEBHOOK_SECRET,
    securityContact: env.SECURITY_CONTACT,
    auditRetentionSeconds: env.AUDIT_RETENTION,
    deletedKeyRetentionSeconds: env.DELETED_KEY_RETENTION,
    usage: readUsageConfig(env),
    requestLog: readRequestLogConfig(env),
    decisionLog: env.DECISION_LOG,
    tracing: readTracingConfig(env),
    maxTokenBytes: env.MAX_TOKEN_BYTES,
  };
}

function readRedisAccess(env: Variables, files: Environment): Config['redisAccess'] {
  return {
    urlFile: files.REDIS_URL_FILE,
    tls: { caFile: env.REDIS_TLS_CA_FILE, certFile: env.REDIS_TLS_CERT_FILE, keyFile: env.REDIS_TLS_KEY_FILE },
    sentinel: {
      username: env.REDIS_SENTINEL_USERNAME,
      password: env.REDIS_SENTINEL_PASSWORD,
      passwordFile: files.REDIS_SENTINEL_PASSWORD_FILE,
    },
  };
}

/** Values that an error repeats: numbers and addresses, and texts shorter than any secret that Weir accepts. */
const REPEATABLE_VALUE = /^(?:[\d.:]{1,24}|.{1,7})$/;

function formatIssue(issue: z.core.$ZodIssue, values: Environment): string {
  const name = issue.path.join('.');
  const value = values[name] ?? '';
  const isSecret = SECRET_VARIABLES.some((secret) => secret === name);
  return `${name}: ${issue.message}${!isSecret && REPEATABLE_VALUE.test(value) && !issue.message.includes('(got ') ? ` (got "${value}")` : ''}`;
}
