import { ForeignKeyConstraintViolationException, LockMode, UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { unknownPlan } from '../fields/unknown-plan.ts';

/** An account that is not deleted. Throws `not_found` if there is none. */
export async function findAccount(em: EntityManager, id: string): Promise<AccountEntity> {
  const row = await em.findOne(AccountEntity, { id, deleteTime: null });
  if (row === null) throw new ApiError({ kind: 'not_found', name: `accounts/${id}` });
  return row;
}

/**
 * An account that is not deleted, locked until the transaction ends: concurrent changes wait, and none of them is lost.
 * Throws `not_found` if there is none.
 */
export async function lockAccount(em: EntityManager, id: string): Promise<AccountEntity> {
  const row = await em.findOne(AccountEntity, { id, deleteTime: null }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (row === null) throw new ApiError({ kind: 'not_found', name: `accounts/${id}` });
  return row;
}

/** The values of an account that other rows may contradict. Those that are not written are left out. */
interface WrittenValues {
  readonly id: string;
  readonly email?: string | null;
  readonly planId?: string;
}

/**
 * Writes an account in a transaction, and translates the errors of the database about its values: `already_exists` for an
 * id that is taken, `email_taken`, and `invalid` for an unknown plan.
 */
export async function writeAccount(
  database: Database,
  values: WrittenValues,
  write: (em: EntityManager) => Promise<AccountEntity>,
): Promise<AccountEntity> {
  try {
    return await database.em.fork().transactional(async (em) => {
      if (typeof values.email === 'string') await releaseUnverifiedEmail(em, values.email, values.id);
      return write(em);
    });
  } catch (error) {
    if (error instanceof UniqueConstraintViolationException) throw await describeConflict(database, values);
    if (!(error instanceof ForeignKeyConstraintViolationException)) throw error;
    throw unknownPlan(values.planId, 'account.plan');
  }
}

/**
 * Takes an address away from another account that waits for its verification: nobody has shown that it is
 * theirs. Call it in the transaction that gives the address to `accountId`.
 */
export async function releaseUnverifiedEmail(em: EntityManager, email: string, accountId: string): Promise<void> {
  const waiting = { email, verifyBeforeTime: { $ne: null }, id: { $ne: accountId } };
  await em.nativeUpdate(AccountEntity, waiting, { email: null });
}

async function describeConflict(database: Database, { id, email = null }: WrittenValues): Promise<ApiError> {
  const others = { email: { $eq: email, $ne: null }, id: { $ne: id } };
  const isEmailTaken = (await database.em.fork().count(AccountEntity, others)) > 0;
  return new ApiError(isEmailTaken ? { kind: 'email_taken' } : { kind: 'already_exists', name: `accounts/${id}` });
}
