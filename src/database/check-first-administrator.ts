import { AccountEntity } from './entities/account-entity.ts';
import type { Database } from './open-database.ts';

/** The first administrator as configured. */
export interface FirstAdministrator {
  readonly email: string;
  /** undefined: no password is configured. */
  readonly password: string | undefined;
}

/**
 * Finds a setting of the first administrator that differs from the database, where it has no effect any more. Returns
 * its variable and why it has none; undefined if there is no such setting.
 */
export async function findIneffectiveSetting(
  database: Database,
  { email, password }: FirstAdministrator,
  verifyPassword: (password: string, hash: string | null) => Promise<boolean>,
): Promise<{ readonly variable: string; readonly reason: string } | undefined> {
  if (password === undefined) return undefined;
  const account = await database.em.fork().findOne(AccountEntity, { email: email.toLowerCase(), role: 'admin' });
  if (account === null)
    return { variable: 'ADMIN_EMAIL', reason: 'there is an administrator already, with another e-mail address' };
  if (await verifyPassword(password, account.passwordHash)) return undefined;
  return { variable: 'ADMIN_PASSWORD', reason: 'the administrator exists already and has another password' };
}
