import type { DatabaseLogin } from './database-login.ts';

/** How connections find Postgres and sign in. */
export interface DatabaseAccess {
  /** A URL that `parseDatabaseUrl` accepts. */
  readonly url: string;
  /** Replaces user and password of the URL; undefined: they never change. */
  readonly login?: DatabaseLogin | undefined;
}
