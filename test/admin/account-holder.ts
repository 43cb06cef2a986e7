import { randomUUID } from 'node:crypto';
import { AccountServiceService } from '../../src/generated/weir/admin/v1/account_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { SessionServiceService } from '../../src/generated/weir/admin/v1/session_service.ts';
import { ADMIN, createClient, startAdminNode } from './admin-node.ts';

export const PASSWORD = 'correct horse battery';

export const newEmail = () => `${randomUUID()}@example.com`;

export const bearer = ({ accessToken }: { readonly accessToken: string }) => ({
  authorization: `Bearer ${accessToken}`,
});

/** An admin node with clients of the services that account holders use. */
export async function startHolderNode(url: string, environment: Readonly<Record<string, string>> = {}) {
  const node = await startAdminNode(url, environment);
  const auth = createClient(AuthServiceService, node.address);
  const sessions = createClient(SessionServiceService, node.address);
  const accounts = createClient(AccountServiceService, node.address);
  return {
    node,
    auth,
    sessions,
    accounts,
    /** Headers of calls by the administrator. */
    admin: bearer(await auth.login(ADMIN)),
    /** Registers an account with a new address. */
    async register(email = newEmail()) {
      const { account, ...tokens } = await auth.register({ email, password: PASSWORD });
      if (account === undefined) throw new Error('the response has no account');
      const id = account.name.slice('accounts/'.length);
      return { email, id, account, ...tokens, headers: bearer(tokens) };
    },
    async stop() {
      auth.close();
      sessions.close();
      accounts.close();
      await node.stop();
    },
  };
}
