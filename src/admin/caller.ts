import type { CallContext } from '../core/call-context.ts';
import { ProblemError } from '../core/problem.ts';
import { AccountEntity, SessionEntity } from '../database/entities.ts';
import type { Database } from '../database/open-database.ts';
import type { AccessTokens } from '../identity/access-token.ts';

/** Who calls: an account that is signed in. */
export interface Caller {
  readonly accountId: string;
  readonly isAdmin: boolean;
}

export type Authenticate = (context: CallContext) => Promise<Caller>;

const BEARER = /^bearer +([^\s]+)$/i;

/**
 * Finds out who calls, or throws `unauthenticated`. Role and session are read anew each time, so that a role which was
 * taken away and a session which ended count at once, not when the token expires.
 */
export function authenticator(database: Database, tokens: AccessTokens): Authenticate {
  return async ({ authorization }) => {
    if (authorization === undefined) throw new ProblemError({ kind: 'unauthenticated', reason: 'TOKEN_MISSING' });
    const [, token] = BEARER.exec(authorization) ?? [];
    const claims = token === undefined ? undefined : await tokens.verify(token);
    if (claims === undefined) throw new ProblemError({ kind: 'unauthenticated', reason: 'TOKEN_INVALID' });
    const { accountId, sessionId } = claims;
    const em = database.em.fork();
    const account = await em.findOne(AccountEntity, accountId);
    const session = await em.findOne(SessionEntity, { id: sessionId, accountId, endTime: null });
    if (account === null || session === null) {
      throw new ProblemError({ kind: 'unauthenticated', reason: 'TOKEN_INVALID' });
    }
    return { accountId, isAdmin: account.role === 'admin' };
  };
}

export function requireAdmin(caller: Caller): void {
  if (!caller.isAdmin) throw new ProblemError({ kind: 'forbidden' });
}
