import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { RedisAccess } from '../counters/redis/connection/connection-settings.ts';
import type { InsecureHosts } from '../domain/issuers/key-url.ts';
import type { OwnAlgorithm } from '../domain/tokens/token.ts';
import type { Address } from './formats.ts';
import { type RequestConfig, readRequestConfig } from './request-config.ts';
import { type RulesConfig, readRulesConfig, rulesVariables } from './rules-config.ts';
import { SECRET_VARIABLES, type Variables, variables } from './variables.ts';

export type { Address };

/** How decisions are answered. */
export interface Answers {
  /** Which answers carry rate-limit headers for clients. */
  readonly rateLimitHeaders: 'all' | 'refused' | 'off';
  /** The rate limit service rejects nothing and counts what it would reject. */
  readonly shadowMode: boolean;
}

/** The settings of a process. */
export interface Config {
  readonly decisionAddress: Address;
  readonly adminAddress: Address;
  readonly httpAddress: Address;
  /** undefined: an embedded Postgres in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  /** undefined: counters in memory. */
  readonly redisUrl: string | undefined;
  readonly redisAccess: RedisAccess;
  readonly redisDeadlineMs: number;
  readonly rulesPath: string | undefined;
  readonly rulesFolder: RulesConfig;
  readonly adminEmail: string | undefined;
  readonly adminPassword: string | undefined;
  /** Time for which a node without Postgres keeps accepting API keys and tokens; undefined: no limit. */
  readonly catalogMaxStalenessMs: number | undefined;
  readonly role: 'all' | 'admin' | 'decision';
  readonly logLevel: string;
  /** undefined: the data plane speaks HTTP/2 in clear. */
  readonly decisionTls: TlsFiles | undefined;
  /** Age after which a client of the data plane is asked to open another connection; undefined: never. */
  readonly maxConnectionAgeMs: number | undefined;
  readonly requests: RequestConfig;
  readonly answers: Answers;
  /** Part of every API key's digest; empty: none. */
  readonly keyPepper: string;
  /** Peppers of keys that were created earlier, the newest first. */
  readonly formerKeyPeppers: readonly string[];
  /** Encrypts the signing keys; undefined: a node that signs keeps a generated one in `dataDir`. */
  readonly signingKeySecret: string | undefined;
  readonly tokens: TokenConfig;
  /** Hosts from which keys of issuers may be fetched over plain http. */
  readonly insecureHttpIssuerHosts: InsecureHosts;
  /** Longer tokens are malformed, no matter which issuer signed them. */
  readonly maxTokenBytes: number;
}

/** Settings of Weir's own tokens. */
export interface TokenConfig {
  readonly algorithm: OwnAlgorithm;
  readonly keyRotationSeconds: number;
  readonly accessTokenSeconds: number;
  readonly refreshTokenSeconds: number;
}

/** Paths of PEM files, which are read again when they change. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities. If set, callers must present a certificate that one of them signed. */
  readonly clientCaFile?: string;
}

/** All faults of the environment, one per line, each with its variable. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig';
}

/** EX_CONFIG of sysexits.h. */
export const EXIT_CODE_CONFIG = 78;

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the configuration of this process: its environment, and the file .env in the working directory if there is one. */
export function readProcessConfig(): Config {
  loadEnvironmentFile();
  return readConfig(process.env);
}

/** Reads the access token with which commands call a server; undefined if it is not set. */
export function readAccessToken(): string | undefined {
  loadEnvironmentFile();
  return process.env.WEIR_ACCESS_TOKEN || undefined;
}

/** Reads how commands read a folder of rules, so that they read it as the service does. Throws InvalidConfig. */
export function readRulesFolderConfig(): RulesConfig {
  loadEnvironmentFile();
  const values = withoutEmptyVariables(process.env);
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
  const parsed = variables.safeParse(values);
  for (const issue of parsed.error?.issues ?? []) faults.push(formatIssue(issue, values));
  faults.push(...findConflicts(values));
  if (!parsed.success || faults.length > 0) throw new InvalidConfig(faults.join('\n'));
  return toConfig(parsed.data);
}

function toConfig(env: Variables): Config {
  return {
    decisionAddress: env.DECISION_ADDRESS,
    adminAddress: env.ADMIN_ADDRESS,
    httpAddress: env.HTTP_ADDRESS,
    databaseUrl: env.DATABASE_URL,
    dataDir: env.DATA_DIR,
    redisUrl: env.REDIS_URL,
    redisDeadlineMs: env.REDIS_DEADLINE_MS,
    redisAccess: {
      tls: { caFile: env.REDIS_TLS_CA_FILE, certFile: env.REDIS_TLS_CERT_FILE, keyFile: env.REDIS_TLS_KEY_FILE },
      sentinel: { username: env.REDIS_SENTINEL_USERNAME, password: env.REDIS_SENTINEL_PASSWORD },
    },
    rulesPath: env.RULES_PATH,
    rulesFolder: readRulesConfig(env),
    adminEmail: env.ADMIN_EMAIL,
    adminPassword: env.ADMIN_PASSWORD,
    catalogMaxStalenessMs: env.CATALOG_MAX_STALENESS && env.CATALOG_MAX_STALENESS * 1000,
    role: env.WEIR_ROLE,
    logLevel: env.LOG_LEVEL,
    decisionTls: readTlsFiles(env),
    maxConnectionAgeMs: env.DECISION_MAX_CONNECTION_AGE,
    requests: readRequestConfig(env),
    answers: { rateLimitHeaders: env.RATE_LIMIT_HEADERS, shadowMode: env.SHADOW_MODE === 'true' },
    keyPepper: env.KEY_PEPPER ?? '',
    formerKeyPeppers: env.KEY_PEPPER_PREVIOUS,
    signingKeySecret: env.SIGNING_KEY_SECRET,
    tokens: {
      algorithm: env.TOKEN_ALGORITHM,
      keyRotationSeconds: env.TOKEN_KEY_ROTATION,
      accessTokenSeconds: env.ACCESS_TOKEN_SECONDS,
      refreshTokenSeconds: env.REFRESH_TOKEN_SECONDS,
    },
    insecureHttpIssuerHosts: env.INSECURE_HTTP_ISSUER_HOSTS,
    maxTokenBytes: env.MAX_TOKEN_BYTES,
  };
}

function readTlsFiles(env: Variables): TlsFiles | undefined {
  const { DECISION_TLS_CERT_FILE: certFile, DECISION_TLS_KEY_FILE: keyFile } = env;
  if (certFile === undefined || keyFile === undefined) return undefined;
  const clientCaFile = env.DECISION_TLS_CLIENT_CA_FILE;
  return clientCaFile === undefined ? { certFile, keyFile } : { certFile, keyFile, clientCaFile };
}

/** Values that an error repeats: numbers and addresses, and texts shorter than any secret that Weir accepts. */
const REPEATABLE_VALUE = /^(?:[\d.:]{1,24}|.{1,7})$/;

function formatIssue(issue: z.core.$ZodIssue, values: Environment): string {
  const name = issue.path.join('.');
  const value = values[name] ?? '';
  const isSecret = SECRET_VARIABLES.some((secret) => secret === name);
  return `${name}: ${issue.message}${!isSecret && REPEATABLE_VALUE.test(value) ? ` (got "${value}")` : ''}`;
}

/** Finds variables that only make sense together, or that would be ignored although someone relies on them. */
function findConflicts(values: Environment): readonly string[] {
  const faults: string[] = [];
  if (values.WEIR_ROLE === 'decision' && values.DATABASE_URL === undefined) {
    faults.push('DATABASE_URL: must be set in the role decision, which follows the catalog of another node');
  }
  for (const name of ['DECISION_TLS', 'REDIS_TLS']) faults.push(...findUnpairedFiles(name, values));
  faults.push(...findUnusedRedisSettings(values));
  if (values.KEY_PEPPER === undefined && values.KEY_PEPPER_PREVIOUS !== undefined) {
    faults.push('KEY_PEPPER_PREVIOUS: needs KEY_PEPPER, which new keys use');
  }
  if (values.DECISION_TLS_KEY_FILE === undefined && values.DECISION_TLS_CLIENT_CA_FILE !== undefined) {
    faults.push('DECISION_TLS_CLIENT_CA_FILE: needs DECISION_TLS_CERT_FILE and DECISION_TLS_KEY_FILE');
  }
  return faults;
}

function findUnpairedFiles(name: string, values: Environment): readonly string[] {
  const hasKey = values[`${name}_KEY_FILE`] !== undefined;
  if (hasKey === (values[`${name}_CERT_FILE`] !== undefined)) return [];
  return [`${name}_${hasKey ? 'CERT' : 'KEY'}_FILE: must be set; a certificate and its key belong together`];
}

/** A security setting that has no effect would make the connection look safer than it is. */
function findUnusedRedisSettings(values: Environment): readonly string[] {
  const url = values.REDIS_URL ?? '';
  const requireScheme = (names: readonly string[], hasScheme: boolean, schemes: string) =>
    names
      .filter((name) => values[name] !== undefined && !hasScheme)
      .map((name) => `${name}: needs a REDIS_URL that begins with ${schemes}`);
  const tls = ['REDIS_TLS_CA_FILE', 'REDIS_TLS_CERT_FILE', 'REDIS_TLS_KEY_FILE'];
  const sentinel = ['REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'];
  return [
    ...requireScheme(tls, url.startsWith('rediss'), 'rediss'),
    ...requireScheme(sentinel, /^rediss?\+sentinel:/.test(url), 'redis+sentinel:// or rediss+sentinel://'),
  ];
}

/** Copies the environment without empty variables, and with the secrets that are given as files. */
function readSecretFiles(environment: Environment, faults: string[]): Environment {
  const values = withoutEmptyVariables(environment);
  for (const name of SECRET_VARIABLES) {
    const file = values[`${name}_FILE`];
    if (file === undefined) continue;
    if (values[name] !== undefined) faults.push(`${name}: must be set either itself or as ${name}_FILE, not both`);
    try {
      values[name] = readFileSync(file, 'utf8').trim();
    } catch {
      // The path is not repeated: it may be the secret itself.
      faults.push(`${name}_FILE: must be the path of a readable file`);
    }
  }
  return values;
}

function withoutEmptyVariables(environment: Environment): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value) values[name] = value;
  return values;
}
