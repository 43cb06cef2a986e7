import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { RedisAccess } from '../counters/redis/connection/connection-settings.ts';
import { InvalidRedisUrl, parseRedisUrl } from '../counters/redis/connection/redis-url.ts';
import { parseDuration } from '../domain/limits/duration.ts';
import { OWN_ALGORITHMS, type OwnAlgorithm } from '../domain/tokens/token.ts';
import { formerPeppers } from './former-peppers.ts';
import { type RequestConfig, requestConfigOf, requestVariables } from './request-config.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How decisions are answered. */
export interface Answers {
  /** Which tell clients of their limits. */
  readonly rateLimitHeaders: 'all' | 'refused' | 'off';
  /** The rate limit service refuses nothing, and counts what it would have refused. */
  readonly shadowMode: boolean;
}

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
  readonly adminEmail: string | undefined;
  readonly adminPassword: string | undefined;
  /** ms for which a node that is cut off from Postgres lets API keys and tokens in; undefined: without end. */
  readonly catalogMaxStalenessMs: number | undefined;
  readonly role: 'all' | 'admin' | 'decision';
  readonly logLevel: string;
  /** Paths of PEM files; undefined: the data plane speaks HTTP/2 in clear. */
  readonly decisionTls: TlsFiles | undefined;
  readonly requests: RequestConfig;
  readonly answers: Answers;
  /** Goes into every key's digest; empty: none. */
  readonly keyPepper: string;
  /** Those before it, of which keys are left; the newest first. */
  readonly formerKeyPeppers: readonly string[];
  /** What signing keys are sealed with; undefined: a node that signs keeps one in `dataDir`. */
  readonly signingKeySecret: string | undefined;
  readonly tokens: TokenConfig;
}

/** Tokens of our own. */
export interface TokenConfig {
  readonly algorithm: OwnAlgorithm;
  readonly keyRotationSeconds: number;
  readonly accessTokenSeconds: number;
  readonly refreshTokenSeconds: number;
}

/** Paths of PEM files, read again when they change. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Whoever calls must then show a certificate that one of these signed. */
  readonly clientCaFile?: string;
}

/** Every fault of the environment, one a line, each naming its variable. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig';
}

/** What sysexits.h calls EX_CONFIG. */
export const EXIT_CODE_CONFIG = 78;

type Environment = Readonly<Record<string, string | undefined>>;

/** These may be given as NAME_FILE instead, the path of a file that holds the value. */
const SECRETS = [
  'DATABASE_URL',
  'REDIS_URL',
  'REDIS_SENTINEL_PASSWORD',
  'ADMIN_PASSWORD',
  'KEY_PEPPER',
  'KEY_PEPPER_PREVIOUS',
  'SIGNING_KEY_SECRET',
] as const;

const address = z.string().transform((text, context): Address => {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match !== null && port <= 65_535) return { host: match[1] ?? match[2] ?? '', port };
  context.addIssue({ code: 'custom', message: `must be host:port, such as 127.0.0.1:8081` });
  return z.NEVER;
});

const url = (...schemes: string[]) =>
  z.string().refine((text) => schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(text), {
    // The value is not repeated: it may hold a password.
    message: `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
  });

const redisUrl = z.string().superRefine((text, context) => {
  try {
    parseRedisUrl(text);
  } catch (error) {
    if (!(error instanceof InvalidRedisUrl)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

const deadline = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, 'must be a whole number of ms from 1 to 9999')
  .transform(Number);

const seconds = (least: number, most: number) =>
  z
    .string()
    .refine((text) => /^[1-9]\d{0,8}$/.test(text) && Number(text) >= least && Number(text) <= most, {
      message: `must be a whole number of seconds from ${least} to ${most}`,
    })
    .transform(Number);

/** More often would be new keys before those before were known everywhere. */
const SHORTEST_ROTATION_SECONDS = 3600;

const keyRotation = z.string().transform((text, context): number => {
  const length = parseDuration(text);
  if (length !== undefined && length >= SHORTEST_ROTATION_SECONDS) return length;
  context.addIssue({ code: 'custom', message: 'must be a whole number and a unit, such as 90d, and at least 1h' });
  return z.NEVER;
});

const staleness = z
  .string()
  .regex(/^[1-9]\d{0,5}$/, 'must be a whole number of seconds from 1 to 999999')
  .transform((seconds) => Number(seconds) * 1000);

const readableFile = z.string().refine((file) => isReadable(file), 'must be the path of a file that can be read');

const schema = z.object({
  DECISION_ADDRESS: address.prefault('127.0.0.1:8081'),
  ADMIN_ADDRESS: address.prefault('127.0.0.1:8082'),
  HTTP_ADDRESS: address.prefault('127.0.0.1:8080'),
  DATABASE_URL: url('postgres', 'postgresql').optional(),
  DATA_DIR: z.string().default('.weir'),
  REDIS_URL: redisUrl.optional(),
  CATALOG_MAX_STALENESS: staleness.optional(),
  REDIS_DEADLINE_MS: deadline.prefault('15'),
  REDIS_TLS_CA_FILE: readableFile.optional(),
  REDIS_TLS_CERT_FILE: readableFile.optional(),
  REDIS_TLS_KEY_FILE: readableFile.optional(),
  REDIS_SENTINEL_USERNAME: z.string().optional(),
  REDIS_SENTINEL_PASSWORD: z.string().optional(),
  RULES_PATH: z.string().optional(),
  ADMIN_EMAIL: z.email('must be an e-mail address').optional(),
  ADMIN_PASSWORD: z.string().min(8, 'must be at least 8 characters').optional(),
  WEIR_ROLE: z.enum(['all', 'admin', 'decision'], 'must be all, admin or decision').default('all'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], 'must be trace, debug, info, warn, error or fatal')
    .default('info'),
  DECISION_TLS_CERT_FILE: readableFile.optional(),
  DECISION_TLS_KEY_FILE: readableFile.optional(),
  DECISION_TLS_CLIENT_CA_FILE: readableFile.optional(),
  ...requestVariables,
  RATE_LIMIT_HEADERS: z.enum(['all', 'refused', 'off'], 'must be all, refused or off').default('all'),
  SHADOW_MODE: z.enum(['true', 'false'], 'must be true or false').default('false'),
  KEY_PEPPER: z.string().min(16, 'must be at least 16 characters').optional(),
  KEY_PEPPER_PREVIOUS: formerPeppers.prefault(''),
  SIGNING_KEY_SECRET: z.string().min(32, 'must be at least 32 characters').optional(),
  TOKEN_ALGORITHM: z.enum(OWN_ALGORITHMS, `must be one of ${OWN_ALGORITHMS.join(', ')}`).default('EdDSA'),
  TOKEN_KEY_ROTATION: keyRotation.prefault('90d'),
  ACCESS_TOKEN_SECONDS: seconds(60, 24 * 3600).prefault('900'),
  REFRESH_TOKEN_SECONDS: seconds(60, 365 * 24 * 3600).prefault('2592000'),
});

/** The configuration of this process: its environment, filled up from the file .env in its folder, if there is one. */
export function readProcessConfig(): Config {
  loadEnvironmentFile();
  return readConfig(process.env);
}

function loadEnvironmentFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}

/** With which commands ask a server; undefined: none is set. */
export function readAccessToken(): string | undefined {
  loadEnvironmentFile();
  return process.env.WEIR_ACCESS_TOKEN || undefined;
}

/** Throws InvalidConfig. Empty variables count as unset. */
export function readConfig(environment: Environment): Config {
  const faults: string[] = [];
  const values = withSecretFiles(environment, faults);
  const parsed = schema.safeParse(values);
  for (const issue of parsed.error?.issues ?? []) faults.push(`${issue.path.join('.')}: ${issue.message}`);
  if (values.WEIR_ROLE === 'decision' && values.DATABASE_URL === undefined) {
    faults.push('DATABASE_URL: must be set in the role decision, which follows another node’s catalog');
  }
  for (const name of ['DECISION_TLS', 'REDIS_TLS']) faults.push(...pairFaults(name, values));
  faults.push(...redisFaults(values));
  if (values.KEY_PEPPER === undefined && values.KEY_PEPPER_PREVIOUS !== undefined) {
    faults.push('KEY_PEPPER_PREVIOUS: needs KEY_PEPPER, by which keys are made now');
  }
  if (values.DECISION_TLS_KEY_FILE === undefined && values.DECISION_TLS_CLIENT_CA_FILE !== undefined) {
    faults.push('DECISION_TLS_CLIENT_CA_FILE: needs DECISION_TLS_CERT_FILE and DECISION_TLS_KEY_FILE');
  }
  if (!parsed.success || faults.length > 0) throw new InvalidConfig(faults.join('\n'));
  const env = parsed.data;
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
    adminEmail: env.ADMIN_EMAIL,
    adminPassword: env.ADMIN_PASSWORD,
    catalogMaxStalenessMs: env.CATALOG_MAX_STALENESS,
    role: env.WEIR_ROLE,
    logLevel: env.LOG_LEVEL,
    decisionTls: tlsFilesOf(env),
    requests: requestConfigOf(env),
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
  };
}

function pairFaults(name: string, values: Environment): readonly string[] {
  const hasKey = values[`${name}_KEY_FILE`] !== undefined;
  if (hasKey === (values[`${name}_CERT_FILE`] !== undefined)) return [];
  return [`${name}_${hasKey ? 'CERT' : 'KEY'}_FILE: must be set: a certificate and its key go together`];
}

/** What would be ignored: whoever sets it believes that the connection is safer than it is. */
function redisFaults(values: Environment): readonly string[] {
  const url = values.REDIS_URL ?? '';
  const needs = (names: readonly string[], isFitting: boolean, schemes: string) =>
    names
      .filter((name) => values[name] !== undefined && !isFitting)
      .map((name) => `${name}: needs a REDIS_URL that begins with ${schemes}`);
  const tls = ['REDIS_TLS_CA_FILE', 'REDIS_TLS_CERT_FILE', 'REDIS_TLS_KEY_FILE'];
  const sentinel = ['REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'];
  return [
    ...needs(tls, url.startsWith('rediss'), 'rediss'),
    ...needs(sentinel, /^rediss?\+sentinel:/.test(url), 'redis+sentinel:// or rediss+sentinel://'),
  ];
}

function tlsFilesOf(env: z.infer<typeof schema>): TlsFiles | undefined {
  const { DECISION_TLS_CERT_FILE: certFile, DECISION_TLS_KEY_FILE: keyFile } = env;
  if (certFile === undefined || keyFile === undefined) return undefined;
  const clientCaFile = env.DECISION_TLS_CLIENT_CA_FILE;
  return clientCaFile === undefined ? { certFile, keyFile } : { certFile, keyFile, clientCaFile };
}

function isReadable(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

function withSecretFiles(environment: Environment, faults: string[]): Environment {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value) values[name] = value;
  for (const name of SECRETS) {
    const file = values[`${name}_FILE`];
    if (file === undefined) continue;
    if (values[name] !== undefined) faults.push(`${name}: is set both by itself and by ${name}_FILE; give one`);
    try {
      values[name] = readFileSync(file, 'utf8').trim();
    } catch {
      // The path is not repeated: it may be the secret itself.
      faults.push(`${name}_FILE: must be the path of a file that can be read`);
    }
  }
  return values;
}
