import { z } from 'zod';
import { OWN_ALGORITHMS } from '../domain/tokens/token.ts';
import {
  address,
  bytes,
  connectionAge,
  formerPeppers,
  insecureHosts,
  keyRotation,
  milliseconds,
  readableFile,
  redisUrl,
  seconds,
  url,
} from './formats.ts';
import { requestVariables } from './request-config.ts';
import { rulesVariables } from './rules-config.ts';

/** Variables that can be given as NAME_FILE instead: the path of a file that holds the value. */
export const SECRET_VARIABLES = [
  'DATABASE_URL',
  'REDIS_URL',
  'REDIS_SENTINEL_PASSWORD',
  'ADMIN_PASSWORD',
  'KEY_PEPPER',
  'KEY_PEPPER_PREVIOUS',
  'SIGNING_KEY_SECRET',
] as const;

/** Every variable, its form and its default. docs/configuration.md explains them. */
export const variables = z.object({
  DECISION_ADDRESS: address.prefault('127.0.0.1:8081'),
  ADMIN_ADDRESS: address.prefault('127.0.0.1:8082'),
  HTTP_ADDRESS: address.prefault('127.0.0.1:8080'),
  DATABASE_URL: url('postgres', 'postgresql').optional(),
  DATA_DIR: z.string().default('.weir'),
  REDIS_URL: redisUrl.optional(),
  CATALOG_MAX_STALENESS: seconds(1, 999_999).optional(),
  REDIS_DEADLINE_MS: milliseconds.prefault('15'),
  REDIS_TLS_CA_FILE: readableFile.optional(),
  REDIS_TLS_CERT_FILE: readableFile.optional(),
  REDIS_TLS_KEY_FILE: readableFile.optional(),
  REDIS_SENTINEL_USERNAME: z.string().optional(),
  REDIS_SENTINEL_PASSWORD: z.string().optional(),
  RULES_PATH: z.string().optional(),
  ...rulesVariables,
  ADMIN_EMAIL: z.email('must be an e-mail address').optional(),
  ADMIN_PASSWORD: z.string().min(8, 'must have at least 8 characters').optional(),
  WEIR_ROLE: z.enum(['all', 'admin', 'decision'], 'must be all, admin or decision').default('all'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], 'must be trace, debug, info, warn, error or fatal')
    .default('info'),
  DECISION_TLS_CERT_FILE: readableFile.optional(),
  DECISION_TLS_KEY_FILE: readableFile.optional(),
  DECISION_TLS_CLIENT_CA_FILE: readableFile.optional(),
  DECISION_MAX_CONNECTION_AGE: connectionAge.optional(),
  ...requestVariables,
  RATE_LIMIT_HEADERS: z.enum(['all', 'refused', 'off'], 'must be all, refused or off').default('all'),
  SHADOW_MODE: z.enum(['true', 'false'], 'must be true or false').default('false'),
  KEY_PEPPER: z.string().min(16, 'must have at least 16 characters').optional(),
  KEY_PEPPER_PREVIOUS: formerPeppers.prefault(''),
  SIGNING_KEY_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  TOKEN_ALGORITHM: z.enum(OWN_ALGORITHMS, `must be one of ${OWN_ALGORITHMS.join(', ')}`).default('EdDSA'),
  TOKEN_KEY_ROTATION: keyRotation.prefault('90d'),
  ACCESS_TOKEN_SECONDS: seconds(60, 24 * 3600).prefault('900'),
  REFRESH_TOKEN_SECONDS: seconds(60, 365 * 24 * 3600).prefault('2592000'),
  INSECURE_HTTP_ISSUER_HOSTS: insecureHosts.prefault(''),
  MAX_TOKEN_BYTES: bytes(1024, 65_536).prefault('16384'),
});

export type Variables = z.infer<typeof variables>;

/** Names of all variables. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(variables.shape);
