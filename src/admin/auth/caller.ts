import { AccountEntity, SessionEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { CallContext } from '../../interfaces/call-context.ts';
import { type TokenVerification, verifyPresentedToken } from './verify-presented-token.ts';

/** Who calls. */
export type Caller = {
  /** The sign-in that the call belongs to; undefined: none of this service. */
  readonly sessionId: string | undefined;
} & (
  | { readonly isAdmin: false; readonly accountId: string }
  /** Undefined: an administrator who has no account in the catalog, and so nothing of their own. */
  | { readonly isAdmin: true; readonly accountId: string | undefined }
);

export type Authenticate = (context: CallContext) => Promise<Caller>;

const BEARER = /^bearer +([^\s]+)$/i;

/**
 * Finds out who calls, or throws `unauthenticated`. Role, session and revocation are looked at each time, so that a role
 * which was taken away and a session which ended count at once, not when the token expires. What an issuer outside or a
 * stateless token says of the role holds as long as the token does.
 */
export function createAuthenticator(parts: TokenVerification & { readonly database: Database }): Authenticate {
  return async ({ authorization, peer }) => {
    if (authorization === undefined) throw new ApiError({ kind: 'unauthenticated', reason: 'TOKEN_MISSING' });
    const [, text] = BEARER.exec(authorization) ?? [];
    const presented = text === undefined ? undefined : await verifyPresentedToken(text, peer, parts);
    if (presented?.kind !== 'cached' || presented.status !== 'valid') throw invalidToken();
    const { token, issuer } = presented;
    if (issuer === undefined) return token.sessionId === undefined ? stateless(token) : signedIn(parts.database, token);
    if (issuer.catalogAccounts) return ofCatalog(parts.database, token);
    return stateless(token);
  };
}

/** An account that is signed in here; its token says nothing of what it may do. */
async function signedIn(database: Database, token: VerifiedToken): Promise<Caller> {
  const { accountId, sessionId } = token;
  const em = database.em.fork();
  const account = await em.findOne(AccountEntity, accountId);
  const session = await em.findOne(SessionEntity, { id: sessionId ?? '', accountId, endTime: null });
  if (account === null || session === null) throw invalidToken();
  return { accountId, sessionId: session.id, isAdmin: account.role === 'admin' };
}

/** An account of the catalog whose sign-in is somewhere else. Its role is what that tells, not the catalog's. */
async function ofCatalog(database: Database, { accountId, isAdmin }: VerifiedToken): Promise<Caller> {
  const account = await database.em.fork().findOne(AccountEntity, accountId);
  if (account === null) throw invalidToken();
  return { accountId, sessionId: undefined, isAdmin };
}

/** Tokens that are no administrator's are for the data plane: whatever account they name, they do not act as it here. */
function stateless({ isAdmin }: VerifiedToken): Caller {
  if (!isAdmin) throw new ApiError({ kind: 'forbidden' });
  return { accountId: undefined, sessionId: undefined, isAdmin };
}

function invalidToken(): ApiError {
  return new ApiError({ kind: 'unauthenticated', reason: 'TOKEN_INVALID' });
}

export function requireAdmin(caller: Caller): void {
  if (!caller.isAdmin) throw new ApiError({ kind: 'forbidden' });
}
