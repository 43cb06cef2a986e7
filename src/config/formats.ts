import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { InvalidRedisUrl, parseRedisUrl } from '../counters/redis/connection/redis-url.ts';
import { type InsecureHosts, parseInsecureHosts } from '../domain/issuers/key-url.ts';
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

/** A URL with one of the schemes. */
export const url = (...schemes: string[]) =>
  z.string().refine((text) => schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(text), {
    message: `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
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

const wholeNumber = (unit: string, min: number, max: number) =>
  z
    .string()
    .refine((text) => /^[1-9]\d{0,8}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      message: `must be a whole number of ${unit} from ${min} to ${max}`,
    })
    .transform(Number);

export const seconds = (min: number, max: number) => wholeNumber('seconds', min, max);

export const bytes = (min: number, max: number) => wholeNumber('bytes', min, max);

/** Rotating more often would replace keys before every node knows the previous ones. */
const MIN_ROTATION_SECONDS = 3600;

/** Time after which a signing key is replaced, in seconds. */
export const keyRotation = z.string().transform((text, context): number => {
  const rotationSeconds = parseDuration(text);
  if (rotationSeconds !== undefined && rotationSeconds >= MIN_ROTATION_SECONDS) return rotationSeconds;
  context.addIssue({ code: 'custom', message: 'must be a whole number and a unit, such as 90d, and at least 1h' });
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

function isReadable(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Hosts with or without a port, separated by commas. */
export const insecureHosts = z.string().transform((text, context): InsecureHosts => {
  const hosts = parseInsecureHosts(text);
  if (!('invalid' in hosts)) return hosts;
  context.addIssue({
    code: 'custom',
    message:
      'must be hosts without a scheme, a path or a wildcard, separated by commas, such as keycloak.auth.svc:8080',
  });
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
