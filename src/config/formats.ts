import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { InvalidRedisUrl, parseRedisUrl } from '../counters/redis/connection/redis-url.ts';
import { readConnectionOptions } from '../database/connection/connection-options.ts';
import { InvalidDatabaseUrl } from '../database/connection/database-url.ts';
import { type Network, parseNetworks } from '../domain/credentials/allowed-networks.ts';
import { type HostList, parseHostList } from '../domain/issuers/key-url.ts';
import { parseDuration } from '../domain/limits/duration.ts';

/** Host and port that a server listens on. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, with an IPv6 host in brackets. */
export const address = z.string().transform((text, context): Address => {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65_535) return { host, port };
  context.addIssue({ code: 'custom', message: 'must be host:port, such as 127.0.0.1:8081' });
  return z.NEVER;
});

/** Whom to write to, as in security.txt (RFC 9116). */
export const contactUri = z
  .string()
  .regex(/^(?:mailto:[^\s@]+@[^\s@]+|https:\/\/\S+|tel:\+?[\d-]+)$/, 'must begin with mailto:, https:// or tel:');

/** A Postgres URL. The files that it names are read, so that a wrong one ends the start. */
export const databaseUrl = z.string().superRefine((text, context) => {
  try {
    readConnectionOptions(text);
  } catch (error) {
    if (!(error instanceof InvalidDatabaseUrl)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

export const redisUrl = z.string().superRefine((text, context) => {
  try {
    parseRedisUrl(text);
  } catch (error) {
    if (!(error instanceof InvalidRedisUrl)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

export const milliseconds = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, 'must be a whole number of milliseconds from 1 to 9999')
  .transform(Number);

/** A whole number of what `unit` names. */
export const wholeNumber = (unit: string, min: number, max: number) =>
  z
    .string()
    .refine((text) => /^(0|[1-9]\d{0,8})$/.test(text) && Number(text) >= min && Number(text) <= max, {
      message: `must be a whole number of ${unit} from ${min} to ${max}`,
    })
    .transform(Number);

/** A time to wait, in milliseconds. */
export const wait = (min: number, max: number) => wholeNumber('milliseconds', min, max);

export const seconds = (min: number, max: number) => wholeNumber('seconds', min, max);

export const bytes = (min: number, max: number) => wholeNumber('bytes', min, max);

const MAX_WORKERS = 256;

/** A number of processes. `auto`: one for each processor that this process may use. */
export const workerCount = z
  .string()
  .refine((text) => text === 'auto' || (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= MAX_WORKERS), {
    message: `must be auto or a whole number from 1 to ${MAX_WORKERS}`,
  })
  .transform((text) => (text === 'auto' ? Math.min(availableParallelism(), MAX_WORKERS) : Number(text)));

/** Rotating more often would replace keys before every node knows the previous ones. */
const MIN_ROTATION_SECONDS = 3600;

/** Time after which a signing key is replaced, in seconds. */
export const keyRotation = z.string().transform((text, context): number => {
  const rotationSeconds = parseDuration(text);
  if (rotationSeconds !== undefined && rotationSeconds >= MIN_ROTATION_SECONDS) return rotationSeconds;
  context.addIssue({ code: 'custom', message: 'must be a whole number and a unit, such as 90d, and at least 1h' });
  return z.NEVER;
});

const MIN_RETENTION_SECONDS = 86_400;

/** Time for which rows are kept, in seconds. */
export const retention = z.string().transform((text, context): number => {
  const retentionSeconds = parseDuration(text) ?? 0;
  if (retentionSeconds >= MIN_RETENTION_SECONDS) return retentionSeconds;
  context.addIssue({ code: 'custom', message: 'must be a whole number and a unit, such as 400d, and at least 1d' });
  return z.NEVER;
});

/** Connections that are opened more often cost more than they spread the load. */
const MIN_CONNECTION_AGE_SECONDS = 10;
/** A timer for a much longer time would run at once. */
const MAX_CONNECTION_AGE_SECONDS = 7 * 24 * 3600;

/** Age of a connection, in ms. */
export const connectionAge = z.string().transform((text, context): number => {
  const ageSeconds = parseDuration(text) ?? 0;
  if (ageSeconds >= MIN_CONNECTION_AGE_SECONDS && ageSeconds <= MAX_CONNECTION_AGE_SECONDS) return ageSeconds * 1000;
  context.addIssue({ code: 'custom', message: 'must be a whole number and a unit, such as 5m, from 10s to 7d' });
  return z.NEVER;
});

export const readableFile = z.string().refine((file) => isReadable(file), 'must be the path of a readable file');

/** A PEM file of authorities. An empty one would mean to trust those that Node.js brings along. */
export const certificatesFile = readableFile.refine(
  (file) => !isReadable(file) || /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/.test(readFileSync(file, 'utf8')),
  'must be the path of a PEM file with certificates',
);

function isReadable(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Hosts with or without a port, separated by commas. */
export const hostList = z.string().transform((text, context): HostList => {
  const hosts = parseHostList(text);
  if (!('invalid' in hosts)) return hosts;
  context.addIssue({
    code: 'custom',
    message:
      'must be hosts without a scheme, a path or a wildcard, separated by commas, such as keycloak.auth.svc:8080',
  });
  return z.NEVER;
});

/** The networks of proxies, separated by commas. In one of all addresses, every client could choose its address. */
export const trustedProxies = z.string().transform((text, context): readonly Network[] => {
  const entries = text === '' ? [] : text.split(',').map((entry) => entry.trim());
  const networks = parseNetworks(entries);
  const faults = 'faults' in networks ? networks.faults.map(({ description }) => description) : [];
  const all = entries.filter((entry) => entry.endsWith('/0'));
  faults.push(...all.map((entry) => `must not contain all addresses (got "${entry}")`));
  if (!('faults' in networks) && faults.length === 0) return networks;
  for (const message of faults) context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** A URI such as a SPIFFE id, which may end in `/*`, or a name of a certificate. */
const CLIENT_IDENTITY = /^(?:[a-z][a-z0-9+.-]*:\/\/[^\s,*]+(?:\/\*)?|[^\s,:*/]{1,253})$/;

/** The clients that may connect to the data plane, separated by commas. */
export const clientIdentities = z.string().transform((text, context): readonly string[] => {
  const identities = text.split(',').map((entry) => entry.trim());
  if (identities.every((entry) => CLIENT_IDENTITY.test(entry))) return identities;
  context.addIssue({
    code: 'custom',
    message:
      'must be SPIFFE ids such as spiffe://example.org/ns/edge/sa/envoy, which may end in /*, or names of certificates, ' +
      'separated by commas',
  });
  return z.NEVER;
});

const API_KEY_FORMATS = ['weir', 'imported'] as const;

/** The formats of API keys that are accepted, separated by commas. Keys that Weir creates are always accepted. */
export const apiKeyFormats = z.string().transform((text, context): ReadonlySet<(typeof API_KEY_FORMATS)[number]> => {
  const names = text.split(',').map((name) => name.trim());
  const formats = API_KEY_FORMATS.filter((format) => names.includes(format));
  if (formats.includes('weir') && formats.length === names.length) return new Set(formats);
  context.addIssue({ code: 'custom', message: 'must be weir or weir,imported' });
  return z.NEVER;
});

/** Each costs one more digest for every unknown key. */
const MAX_FORMER_PEPPERS = 3;

/** Former peppers, one per line, the newest first. `none` stands for the time before there was a pepper. */
export const formerPeppers = z
  .string()
  .transform((text) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((pepper) => pepper !== ''),
  )
  .refine((peppers) => peppers.length <= MAX_FORMER_PEPPERS, `must be at most ${MAX_FORMER_PEPPERS} peppers`)
  .refine((peppers) => peppers.every((pepper) => pepper === 'none' || pepper.length >= 16), {
    message: 'must be peppers of at least 16 characters, one per line; none stands for keys without a pepper',
  })
  .transform((peppers) => peppers.map((pepper) => (pepper === 'none' ? '' : pepper)));

/** Which decisions are logged: the chance of each, from 0 to 1. */
export interface DecisionSampling {
  readonly allowed: number;
  readonly denied: number;
}

const SAMPLED = /^sampled:(0\.\d{1,9}|1)$/;

/** The decisions that are logged; undefined: none. */
export const decisionSampling = z.string().transform((text, context): DecisionSampling | undefined => {
  if (text === 'off') return undefined;
  if (text === 'refused') return { allowed: 0, denied: 1 };
  if (text === 'all') return { allowed: 1, denied: 1 };
  const chance = Number(SAMPLED.exec(text)?.[1]);
  if (chance > 0) return { allowed: chance, denied: chance };
  const message = 'must be off, refused, all, or sampled: and a share above 0 and up to 1, such as sampled:0.01';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});
