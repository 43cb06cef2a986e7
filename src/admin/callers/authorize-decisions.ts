import type { Database } from '../../database/open-database.ts';
import type { CallContext } from '../methods/call-context.ts';
import { createAuthenticator, requireAdmin } from './caller.ts';
import type { TokenVerificationOptions } from './verify-presented-token.ts';

/** Throws an ApiError if the caller may not ask for decisions. */
export type AuthorizeDecisions = (context: CallContext) => Promise<void>;

/**
 * Lets only administrators ask for decisions on the admin plane. A caller can name any key, account or descriptor, so
 * anybody else could use up the limits of others. The credential of a Check is in its request and has no part in this.
 */
export function createDecisionAuthorization(
  options: TokenVerificationOptions & { readonly database: Database },
): AuthorizeDecisions {
  const authenticate = createAuthenticator(options);
  return async (context) => requireAdmin(await authenticate(context));
}
