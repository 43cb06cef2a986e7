import type { Config } from '../config/config.ts';
import type { DatabaseAccess } from '../database/connection/database-access.ts';
import { DatabaseLogin } from '../database/connection/database-login.ts';
import type { Logger } from '../interfaces/logger.ts';

/** Watches the file with the URL of Postgres, if there is one. `url` is also set for the embedded Postgres. */
export function openDatabaseAccess(
  { databaseUrlFile: file }: Config,
  url: string,
  log: Logger,
  resources: AsyncDisposableStack,
): DatabaseAccess {
  if (file === undefined) return { url };
  const login = new DatabaseLogin({ url, file, log });
  resources.defer(() => login.close());
  return { url, login };
}
