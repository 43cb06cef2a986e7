import type { DatabaseAccess } from '../../database/connection/database-access.ts';
import { isDatabaseUnavailable } from '../../database/database-errors.ts';
import { openConnection } from '../../database/open-connection.ts';
import { type ActiveAccounts, countActiveAccounts, readActiveAccounts } from '../../database/usage/active-accounts.ts';
import type { WarningLogger } from '../../interfaces/logger.ts';

/** How often a node looks for a newer number, which costs it a row. */
const INTERVAL_MS = 30_000;
const TIMEOUT_MS = 60_000;
/** Makes Postgres end a statement that nobody waits for any more. */
const SET_TIMEOUT = `set statement_timeout = ${TIMEOUT_MS}`;

/** Keeps the number of active accounts up to date, until the function that it returns is called. */
export function startActiveAccounts(
  access: DatabaseAccess,
  record: (accounts: ActiveAccounts) => void,
  log: WarningLogger,
): () => Promise<void> {
  const { query, close } = openConnection({ ...access, timeoutMs: TIMEOUT_MS });
  let isStopping = false;
  const run = async (): Promise<void> => {
    try {
      await query(SET_TIMEOUT, []);
      await countActiveAccounts(query);
      const accounts = await readActiveAccounts(query);
      if (accounts !== undefined) record(accounts);
    } catch (error) {
      if (!isStopping && !isDatabaseUnavailable(error))
        log.warn({ err: error }, 'could not count the active accounts; trying again');
    }
  };
  let running = run();
  const timer = setInterval(() => {
    running = running.then(run);
  }, INTERVAL_MS);
  timer.unref();
  return async () => {
    isStopping = true;
    clearInterval(timer);
    // A statement in progress fails or ends first.
    await close();
    await running;
  };
}
