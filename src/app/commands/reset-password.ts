import { randomBytes } from 'node:crypto';
import { endOneTimeTokens } from '../../admin/auth/one-time-tokens.ts';
import { endSessions } from '../../admin/sessions/end-sessions.ts';
import type { Config } from '../../config/config.ts';
import { hashPassword } from '../../identity/secrets/password.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { openConfiguredDatabase } from '../start-database.ts';
import { changeAccount } from './change-account.ts';

const PASSWORD_BYTES = 18;

/**
 * Sets a generated password for the account with an e-mail address, and ends its sessions. Returns the text to print. Throws
 * CommandFailed if there is no such account.
 */
export async function resetPassword(email: string, config: Config, log: Logger): Promise<string> {
  await using resources = new AsyncDisposableStack();
  const { database } = await openConfiguredDatabase(config, log, resources);
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  const passwordHash = await hashPassword(password);
  const account = await changeAccount(database, email, async (em, row) => {
    em.assign(row, { passwordHash, verifyBeforeTime: null });
    await em.flush();
    await endSessions(em, { accountId: row.id }, config.tokens.accessTokenSeconds);
    await endOneTimeTokens(em, row.id, 'password_reset');
  });
  const note = account.disabled ? 'The account is disabled: another administrator has to enable it.\n' : '';
  return `The new password of accounts/${account.id}, shown only once: ${password}\n${note}`;
}
