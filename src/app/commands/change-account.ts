import type { EntityManager } from '@mikro-orm/postgresql';
import { CommandFailed } from '../../commands/command-failed.ts';
import { isSchemaMissing } from '../../database/database-errors.ts';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import type { Database } from '../../database/open-database.ts';

/**
 * Changes the account with an e-mail address for a command, in one transaction. Throws CommandFailed if there is no such
 * account.
 */
export async function changeAccount(
  database: Database,
  email: string,
  change: (em: EntityManager, account: AccountEntity) => Promise<void>,
): Promise<AccountEntity> {
  try {
    return await database.em.fork().transactional(async (em) => {
      const account = await em.findOne(AccountEntity, { email: email.toLowerCase(), deleteTime: null });
      if (account === null) throw new CommandFailed('EMAIL: must be the e-mail address of an account');
      await change(em, account);
      return account;
    });
  } catch (error) {
    if (!isSchemaMissing(error)) throw error;
    throw new CommandFailed('the database has no accounts of this version: start Weir first');
  }
}
