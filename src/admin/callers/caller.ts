import { AccountEntity } from '../../database/entities/account-entity.ts';
import { SessionEntity } from '../../database/entities/sign-in-entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { CallContext } from '../methods/call-context.ts';
import { type TokenVerificationOptions, verifyPresentedToken } from './verify-presented-token.ts';

/** The authenticated caller of an admin method. */
export type Caller = {
  /** The session that the call belongs to; undefined: the token does not come from a sign-in to Weir. */
  readonly sessionId: string | undefined;
  /** The account as the caller's token names it. */
  readonly subject: string;
  /** The `jti` claim of a stateless token; undefined: the token is another one. */
  readonly statelessTokenId: string | undefined;
} & (
  | { readonly isAdmin: false; readonly accountId: string }
  /** Undefined: the administrator has no account in the catalog, and so owns nothing. */
  | { readonly isAdmin: true; readonly accountId: string | undefined }
);

/**
 * Returns the caller. Throws `unauthenticated` for a missing or invalid token, `forbidden` for one of the data plane, and
 * `account_disabled` for one of a disabled account.
 */
export type Authenticate = (context: CallContext) => Promise<Caller>;

const NOT_FOR_ADMIN_API = 'this token is for the data plane; sign in with AuthService/Login to call the admin API';
const BEARER = /^bearer +([^\s]+)$/i;

/** The token in a header `authorization`; undefined: there is none. */
export function readBearerToken(authorization: string | undefined): string | undefined {
  return BEARER.exec(authorization ?? '')?.[1];
}

/**
 * Authenticates callers by their bearer token. Reads role, session and revocations at each call, so that the loss of a
 * role and the end of a session apply at once and not only when the token expires. The role in a token of an external
 * issuer or in a stateless token applies until that token expires.
 */
export function createAuthenticator(options: TokenVerificationOptions & { readonly database: Database }): Authenticate {
  const { database } = options;
  return async ({ authorization, peer }) => {
    if (authorization === undefined) throw new ApiError({ kind: 'unauthenticated', reason: 'TOKEN_MISSING' });
    const text = readBearerToken(authorization);
    const presented = text === undefined ? undefined : await verifyPresentedToken(text, peer, options);
    if (presented?.kind !== 'verified' || presented.status !== 'valid') throw invalidToken();
    const { token, issuer } = presented;
    if (issuer === undefined && token.sessionId !== undefined) {
      return findSessionCaller(database, token.accountId, token.sessionId);
    }
    if (issuer?.catalogAccounts === true) return findExternalCaller(database, token);
    return requireAdminToken(token);
  };
}

/** The caller of an access token, which names account and session but no role. The role is the account's. */
async function findSessionCaller(database: Database, accountId: string, sessionId: string): Promise<Caller> {
  const em = database.em.fork();
  const account = await em.findOne(AccountEntity, accountId);
  const session = await em.findOne(SessionEntity, { id: sessionId, accountId, endTime: null });
  requireUsable(account);
  if (session === null) throw invalidToken();
  return { accountId, sessionId, subject: accountId, statelessTokenId: undefined, isAdmin: account.role === 'admin' };
}

/**
 * The caller of an external issuer whose accounts are those of the catalog. The role is the token's, not the account's.
 */
async function findExternalCaller(database: Database, { accountId, isAdmin }: VerifiedToken): Promise<Caller> {
  const account = await database.em.fork().findOne(AccountEntity, accountId);
  requireUsable(account);
  return { accountId, sessionId: undefined, subject: accountId, statelessTokenId: undefined, isAdmin };
}

/**
 * The caller of a token whose account is not looked up in the catalog. Without the role of an administrator such a
 * token is for the data plane: it does not act as the account that it names.
 */
function requireAdminToken({ isAdmin, accountId: subject, issuerId, tokenId }: VerifiedToken): Caller {
  if (!isAdmin) throw new ApiError({ kind: 'forbidden', message: NOT_FOR_ADMIN_API });
  const statelessTokenId = issuerId === undefined ? tokenId : undefined;
  return { accountId: undefined, sessionId: undefined, subject, statelessTokenId, isAdmin };
}

/** Throws for an account that cannot call the admin API: a deleted account looks like one that never existed. */
function requireUsable(account: AccountEntity | null): asserts account is AccountEntity {
  if (account === null || account.deleteTime !== null) throw invalidToken();
  if (account.disabled) throw new ApiError({ kind: 'account_disabled' });
}

function invalidToken(): ApiError {
  return new ApiError({ kind: 'unauthenticated', reason: 'TOKEN_INVALID' });
}

/** The id of the caller's account. Throws `caller_without_account` for an administrator who has none in the catalog. */
export function requireAccountId({ accountId }: Caller): string {
  if (accountId === undefined) throw new ApiError({ kind: 'caller_without_account' });
  return accountId;
}

/** Throws `forbidden` if the caller is not an administrator. `action`: what only administrators can do. */
export function requireAdmin(caller: Caller, action = 'do this'): void {
  if (!caller.isAdmin) throw new ApiError({ kind: 'forbidden', message: `only administrators can ${action}` });
}
