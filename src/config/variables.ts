import { z } from 'zod';
import { OWN_ISSUER } from '../domain/issuers/issuer.ts';
import { OWN_ALGORITHMS } from '../domain/tokens/token.ts';
import { isClaimName } from '../domain/tokens/token-claims.ts';
import {
  address,
  apiKeyFormats,
  bytes,
  certificatesFile,
  connectionAge,
  contactUri,
  databaseUrl,
  decisionSampling,
  formerPeppers,
  hostList,
  keyRotation,
  milliseconds,
  readableFile,
  redisUrl,
  retention,
  seconds,
  trustedProxies,
  wait,
  workerCount,
} from './formats.ts';
import { postgresVariables } from './postgres-variables.ts';
import { answerVariables } from './sections/answer-config.ts';
import { httpApiVariables } from './sections/http-api-config.ts';
import { logVariables } from './sections/log-config.ts';
import { requestVariables } from './sections/request-config.ts';
import { requestLogVariables } from './sections/request-log-config.ts';
import { rulesVariables } from './sections/rules-config.ts';
import { tlsVariables } from './sections/tls-config.ts';
import { tracingVariables } from './sections/tracing-config.ts';
import { usageVariables } from './sections/usage-config.ts';

/** Variables that can be given as NAME_FILE instead: the path of a file that holds the value. */
export const SECRET_VARIABLES = [
  'DATABASE_URL',
  'REDIS_URL',
  'REDIS_SENTINEL_PASSWORD',
  'ADMIN_PASSWORD',
  'KEY_PEPPER',
  'KEY_PEPPER_PREVIOUS',
  'SIGNING_KEY_SECRET',
  'STRIPE_WEBHOOK_SECRET',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'SENTRY_DSN',
] as const;

/** Every variable, its form and its default. docs/configuration.md explains them. */
export const variables = z.object({
  DECISION_ADDRESS: address.prefault('127.0.0.1:8081'),
  ADMIN_ADDRESS: address.prefault('127.0.0.1:8082'),
  HTTP_ADDRESS: address.prefault('127.0.0.1:8080'),
  ...httpApiVariables,
  TRUSTED_PROXIES: trustedProxies.prefault(''),
  METRICS_ADDRESS: address.optional(),
  JSON_ADDRESS: address.optional(),
  DATABASE_URL: databaseUrl.optional(),
  ...postgresVariables,
  DATA_DIR: z.string().default('.weir'),
  REDIS_URL: redisUrl.optional(),
  CATALOG_MAX_STALENESS: seconds(1, 999_999).optional(),
  REDIS_DEADLINE_MS: milliseconds.prefault('15'),
  REDIS_HISTORY_SECONDS: seconds(0, 60).prefault('5'),
  REDIS_MAX_DEADLINE_MS: milliseconds.prefault('50'),
  REDIS_TLS_CA_FILE: certificatesFile.optional(),
  REDIS_TLS_CERT_FILE: readableFile.optional(),
  REDIS_TLS_KEY_FILE: readableFile.optional(),
  REDIS_SENTINEL_USERNAME: z.string().optional(),
  REDIS_SENTINEL_PASSWORD: z.string().optional(),
  SHUTDOWN_DELAY_MS: wait(0, 300_000).optional(),
  SHUTDOWN_TIMEOUT_MS: wait(1_000, 600_000).prefault('25000'),
  RULES_PATH: z.string().optional(),
  ROUTES_PATH: z.string().optional(),
  ...rulesVariables,
  ADMIN_EMAIL: z.email('must be an e-mail address').optional(),
  ADMIN_PASSWORD: z.string().min(8, 'must have at least 8 characters').optional(),
  REGISTRATION: z.enum(['open', 'verified', 'closed'], 'must be open, verified or closed').default('open'),
  WEIR_ROLE: z.enum(['all', 'admin', 'decision'], 'must be all, admin or decision').default('all'),
  WORKERS: workerCount.prefault('1'),
  ...logVariables,
  ...tlsVariables,
  DECISION_MAX_CONNECTION_AGE: connectionAge.optional(),
  ...requestVariables,
  ...answerVariables,
  API_KEY_FORMATS: apiKeyFormats.prefault('weir,imported'),
  KEY_PEPPER: z.string().min(16, 'must have at least 16 characters').optional(),
  KEY_PEPPER_PREVIOUS: formerPeppers.prefault(''),
  REQUIRE_SECRETS: z.enum(['true', 'false'], 'must be true or false').default('false'),
  SIGNING_KEY_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  TOKEN_ISSUER: z
    .string()
    .refine(isClaimName, 'must be 1 to 256 printable ASCII characters, without a space at either end')
    .default(OWN_ISSUER),
  TOKEN_ALGORITHM: z.enum(OWN_ALGORITHMS, `must be one of ${OWN_ALGORITHMS.join(', ')}`).default('EdDSA'),
  TOKEN_KEY_ROTATION: keyRotation.prefault('90d'),
  ACCESS_TOKEN_SECONDS: seconds(60, 24 * 3600).prefault('900'),
  REFRESH_TOKEN_SECONDS: seconds(60, 365 * 24 * 3600).prefault('2592000'),
  SESSION_MAX_SECONDS: seconds(60, 365 * 24 * 3600).prefault('7776000'),
  INSECURE_HTTP_ISSUER_HOSTS: hostList.prefault(''),
  PRIVATE_ISSUER_HOSTS: hostList.prefault(''),
  WEBHOOK_PRIVATE_HOSTS: hostList.prefault(''),
  SECURITY_CONTACT: contactUri.optional(),
  STRIPE_WEBHOOK_SECRET: z.string().min(16, 'must have at least 16 characters').optional(),
  AUDIT_RETENTION: retention.prefault('400d'),
  DELETED_KEY_RETENTION: retention.prefault('400d'),
  ...usageVariables,
  ...requestLogVariables,
  DECISION_LOG: decisionSampling.prefault('off'),
  ...tracingVariables,
  MAX_TOKEN_BYTES: bytes(1024, 65_536).prefault('16384'),
});

export type Variables = z.infer<typeof variables>;

/** Names of all variables. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(variables.shape);
