import { z } from 'zod';

/** libpq's variables, and the parameters of DATABASE_URL that they stand for where the URL has none. */
const PARAMETERS = {
  PGSSLMODE: 'sslmode',
  PGSSLROOTCERT: 'sslrootcert',
  PGSSLCERT: 'sslcert',
  PGSSLKEY: 'sslkey',
} as const;

const text = z.string().optional();
export const postgresVariables = { PGSSLMODE: text, PGSSLROOTCERT: text, PGSSLCERT: text, PGSSLKEY: text };

type Environment = Readonly<Record<string, string | undefined>>;

/** Adds what libpq's variables say to a Postgres URL. A parameter of the URL takes precedence. */
export function addPostgresVariables(databaseUrl: string, environment: Environment): string {
  if (!URL.canParse(databaseUrl)) return databaseUrl;
  const { search, searchParams } = new URL(databaseUrl);
  const added = Object.entries(PARAMETERS).flatMap(([variable, parameter]) => {
    const value = environment[variable];
    if (value === undefined || searchParams.has(parameter)) return [];
    return [`${parameter}=${encodeURIComponent(value)}`];
  });
  if (added.length === 0) return databaseUrl;
  return `${databaseUrl}${search === '' && !databaseUrl.endsWith('?') ? '?' : '&'}${added.join('&')}`;
}

/** Finds libpq's variables of TLS that Weir does not understand: an ignored one would leave a connection less safe. */
export function findUnknownPostgresVariables(environment: Environment): readonly string[] {
  if (environment.DATABASE_URL === undefined) return [];
  return Object.keys(environment)
    .filter((name) => /^PG(SSL|REQUIRE|CHANNELBINDING|GSSENC)/.test(name) && !(name in PARAMETERS))
    .map((name) => `${name}: must be unset; Weir does not understand it (see the parameters of DATABASE_URL)`);
}
