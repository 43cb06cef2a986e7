import type { EntityManager } from '@mikro-orm/postgresql';
import { lockUntilCommitWithin } from '../../database/advisory-locks.ts';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import { ApiError } from '../../domain/api-error.ts';

/** Calls that take administrators away wait for each other this long, in ms. Each takes a few ms. */
const MAX_LOCK_WAIT_MS = 2_000;

/** Whether the holder of an account can sign in with a password and administer Weir. */
export function isAdministrator({
  role,
  disabled,
  deleteTime,
  passwordHash,
  verifyBeforeTime,
}: Pick<AccountEntity, 'role' | 'disabled' | 'deleteTime' | 'passwordHash' | 'verifyBeforeTime'>): boolean {
  return role === 'admin' && !disabled && deleteTime === null && passwordHash !== null && verifyBeforeTime === null;
}

/**
 * Throws `precondition` if the account is the last administrator. Call it for an account that stops being an administrator,
 * after locking its row: it keeps other transactions from removing an administrator until this one ends. No transaction
 * locks the row of another account afterwards, so they do not deadlock. Throws `administrators_locked` if another
 * transaction takes too long.
 */
export async function requireOtherAdministrator(em: EntityManager, id: string): Promise<void> {
  if (!(await lockUntilCommitWithin(em, 'administrators', MAX_LOCK_WAIT_MS))) {
    throw new ApiError({ kind: 'administrators_locked' });
  }
  const where = {
    id: { $ne: id },
    role: 'admin',
    disabled: false,
    deleteTime: null,
    passwordHash: { $ne: null },
    verifyBeforeTime: null,
  } as const;
  if ((await em.count(AccountEntity, where)) > 0) return;
  throw new ApiError({ kind: 'precondition', reason: 'LAST_ADMINISTRATOR', name: `accounts/${id}` });
}
