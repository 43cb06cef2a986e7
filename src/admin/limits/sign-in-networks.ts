import { isDatabaseUnavailable } from '../../database/database-errors.ts';
import type { Database } from '../../database/open-database.ts';

/** Networks that are remembered for one account: the latest ones. */
const MAX_PER_ACCOUNT = 20;

/** Writes at most once an hour for the same account and network. */
const ADD = `
  insert into sign_in_network (account_id, network, sign_in_time)
  select id, ?, now() from account where email = ?
  on conflict (account_id, network) do update set sign_in_time = excluded.sign_in_time
  where sign_in_network.sign_in_time < now() - interval '1 hour'
  returning account_id`;
const DROP_OLDEST = `
  delete from sign_in_network where account_id = ? and network in (
    select network from sign_in_network where account_id = ? order by sign_in_time desc, network offset ?)`;
const FIND = `
  select 1 from sign_in_network join account on account.id = account_id where email = ? and network = ?`;

/**
 * The networks from which somebody has signed in to an account: IPv4 addresses and IPv6 networks of 64 bits. They may
 * still try when strangers have used up the account's limit of wrong passwords.
 */
export class SignInNetworks {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Whether somebody has signed in to the account with the e-mail address, in lower case, from the network. */
  async includes(email: string, network: string): Promise<boolean> {
    const rows = await this.#database.em.fork().execute<unknown[]>(FIND, [email, network]);
    return rows.length > 0;
  }

  /** Remembers a sign-in. If Postgres is away now, it is forgotten: the sign-in itself has succeeded. */
  async add(email: string, network: string): Promise<void> {
    try {
      const em = this.#database.em.fork();
      const [added] = await em.execute<{ account_id: string }[]>(ADD, [network, email]);
      if (added === undefined) return;
      await em.execute(DROP_OLDEST, [added.account_id, added.account_id, MAX_PER_ACCOUNT]);
    } catch (error) {
      if (!isDatabaseUnavailable(error)) throw error;
    }
  }
}
