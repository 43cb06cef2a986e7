import { NO_TOTP } from '../../admin/accounts/no-totp.ts';
import type { Config } from '../../config/config.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { openConfiguredDatabase } from '../start-database.ts';
import { changeAccount } from './change-account.ts';

/**
 * Turns the second factor of the account with an e-mail address off. Returns the text to print. Throws CommandFailed if there
 * is no such account.
 */
export async function resetTotp(email: string, config: Config, log: Logger): Promise<string> {
  await using resources = new AsyncDisposableStack();
  const { database } = await openConfiguredDatabase(config, log, resources);
  const { id } = await changeAccount(database, email, async (em, account) => {
    em.assign(account, NO_TOTP);
  });
  return `accounts/${id} signs in without a second factor.\n`;
}
