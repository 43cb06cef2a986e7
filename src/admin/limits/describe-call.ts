import { ApiError } from '../../domain/api-error.ts';
import type { CallOutcome } from '../../domain/rules/reserved-domains.ts';
import type { LimitedCall } from '../../interfaces/admin-limits.ts';
import { readBearerToken } from '../callers/caller.ts';
import { type TokenVerificationOptions, verifyPresentedToken } from '../callers/verify-presented-token.ts';
import type { CallContext } from '../methods/call-context.ts';
import { readText } from '../methods/read-text.ts';
import { comparesPassword, isOpenMethod } from './open-methods.ts';

export interface DescribeCallOptions {
  readonly tokens: TokenVerificationOptions;
  /** Digests an e-mail address with a secret, so that counters do not name it. */
  digestEmail(email: string): string;
}

/**
 * Describes a call for its limits. `method` is `Service/Method`. A token is verified here; that costs no query, and the
 * handler gets the cached result. Throws if no token can be verified now.
 */
export async function describeCall(
  method: string,
  request: unknown,
  context: CallContext,
  options: DescribeCallOptions,
): Promise<LimitedCall> {
  const { peer, device } = context;
  const accountId = isOpenMethod(method, request) ? undefined : await findTokenAccount(context, options.tokens);
  const isAuthenticated = accountId !== undefined;
  const email = isAuthenticated ? undefined : readEmail(request);
  const isGuess = comparesPassword(method, request);
  return {
    method,
    remoteAddress: peer,
    account: accountId ?? (email === undefined ? undefined : options.digestEmail(email)),
    device,
    isAuthenticated,
    // A token proves more than an earlier sign-in, but a thief must not guess the password with it.
    isKnownNetwork: isAuthenticated && !isGuess,
    assumedOutcome: isGuess ? 'wrong_password' : undefined,
  };
}

/** The account of a valid access token; undefined: the call has none. */
async function findTokenAccount(
  { authorization, peer }: CallContext,
  tokens: TokenVerificationOptions,
): Promise<string | undefined> {
  const token = readBearerToken(authorization);
  if (token === undefined) return undefined;
  const presented = await verifyPresentedToken(token, peer, tokens);
  return presented.kind === 'verified' && presented.status === 'valid' ? presented.token.accountId : undefined;
}

/** The e-mail address of a request that has a field for it; undefined: it has none. */
export function readEmail(request: unknown): string | undefined {
  return readText(request, 'email')?.toLowerCase() || undefined;
}

/** Classifies how a call has ended. `error` is what its handler threw. */
export function classifyFailure({ assumedOutcome }: LimitedCall, error: unknown): CallOutcome {
  if (!(error instanceof ApiError)) return 'failed';
  const { reason } = error;
  if (reason.kind === 'invalid') return 'invalid_request';
  if (reason.kind !== 'unauthenticated') return 'failed';
  // The password was right, and the client asks its user for a code.
  if (reason.reason === 'TOTP_REQUIRED') return 'failed';
  const isWrong = reason.reason === 'CREDENTIALS_INVALID' || reason.reason === 'TOTP_INVALID';
  return isWrong && assumedOutcome === 'wrong_password' ? 'wrong_password' : 'invalid_token';
}
