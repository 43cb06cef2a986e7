import { ApiError } from '../../domain/api-error.ts';
import { type Caller, requireAdmin } from '../callers/caller.ts';

/**
 * Throws unless the caller may manage the devices of an account. `name` is the resource that then does not exist for the
 * caller. Only administrators manage the devices of requests without a credential, whose account is empty.
 */
export function requireOwner(caller: Caller, accountId: string, name: string): void {
  if (caller.isAdmin || caller.accountId === accountId) return;
  if (accountId === '') requireAdmin(caller);
  throw new ApiError({ kind: 'not_found', name });
}
