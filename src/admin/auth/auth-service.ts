import { invalidArgument } from '../../domain/api-error.ts';
import type { AuthServiceService, LoginResponse } from '../../generated/weir/admin/v1/auth_service.ts';
import { issueAccessToken } from '../../identity/issue-tokens/access-token.ts';
import { toAccountMessage } from '../accounts/account-message.ts';
import { findAccount } from '../accounts/account-rows.ts';
import { requireAccountId } from '../callers/caller.ts';
import type { CallContext } from '../methods/call-context.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { type Session, Sessions } from '../sessions/sessions.ts';
import type { SigningKeyRing } from '../signing-keys/signing-key-ring.ts';
import type { AuthParts } from './auth-parts.ts';
import { changePassword } from './change-password.ts';
import { deactivateAccount } from './deactivate-account.ts';
import { confirmTotp, disableTotp, enrollTotp } from './manage-totp.ts';
import { updateProfile } from './profile.ts';
import { requestPasswordReset, resetPassword } from './reset-password.ts';
import { signIn } from './sign-in.ts';
import { signUp } from './sign-up.ts';
import { verifyEmail } from './verify-email.ts';

export interface AuthServiceOptions extends Omit<AuthParts, 'sessions'> {
  readonly signingKeys: Pick<SigningKeyRing, 'signer'>;
  /** A session ends this long after its last refresh. */
  readonly refreshTokenSeconds: number;
  /** A session ends this long after its sign-in, however often it is refreshed. */
  readonly sessionMaxSeconds: number;
}

/** Signs callers up and in, and lets them manage their own account. */
export function createAuthService(options: AuthServiceOptions): Handlers<AuthServiceService> {
  const { database, authenticate } = options;
  const sessions = new Sessions({ ...options, issueTokens: (session) => issueTokens(session, options) });
  const parts: AuthParts = { ...options, sessions };
  return {
    register: (request, context) => signUp(request, context, parts),
    login: (request, context) => signIn(request, context, parts),

    async verifyEmail({ token }) {
      return { account: toAccountMessage(await verifyEmail(token, database)) };
    },

    async refreshToken({ refreshToken }, context) {
      if (refreshToken === '') throw invalidArgument({ field: 'refresh_token', description: 'must be set' });
      return sessions.refresh(refreshToken, context);
    },

    async logout({ refreshToken, allSessions }, context) {
      const { sessionId, accountId, isEnded } = await findSignIn(refreshToken, context, parts);
      // A token of an ended session may have been stolen long ago.
      if (allSessions && !isEnded && accountId !== undefined) await sessions.endAll(accountId);
      else if (sessionId !== undefined) await sessions.end(sessionId);
      else {
        const description = 'must be set: the access token of this call does not belong to a session';
        throw invalidArgument({ field: 'refresh_token', description });
      }
      return {};
    },

    async getProfile(_, context) {
      const id = requireAccountId(await authenticate(context));
      return toAccountMessage(await findAccount(database.em.fork(), id));
    },

    async updateProfile(request, context) {
      return toAccountMessage(await updateProfile(request, context, parts));
    },

    async changePassword(request, context) {
      await changePassword(request, context, parts);
      return {};
    },

    async requestPasswordReset(request) {
      await requestPasswordReset(request, parts);
      return {};
    },

    async resetPassword(request) {
      await resetPassword(request, parts);
      return {};
    },

    async deactivateAccount(request, context) {
      await deactivateAccount(request, context, parts);
      return {};
    },

    enrollTotp: (request, context) => enrollTotp(request, context, parts),

    async confirmTotp(request, context) {
      await confirmTotp(request, context, parts);
      return {};
    },

    async disableTotp(request, context) {
      await disableTotp(request, context, parts);
      return {};
    },
  };
}

/** The session and account of a refresh token; without one, those of the access token of the call. */
async function findSignIn(refreshToken: string, context: CallContext, { authenticate, sessions }: AuthParts) {
  if (refreshToken === '') return { ...(await authenticate(context)), isEnded: false };
  const { id: sessionId, accountId, endTime, expireTime } = await sessions.findByRefreshToken(refreshToken);
  return { sessionId, accountId, isEnded: endTime !== null || expireTime <= new Date() };
}

async function issueTokens(
  { id, accountId, refreshToken, endsAt }: Session,
  { signingKeys, accessTokenSeconds }: AuthServiceOptions,
): Promise<LoginResponse> {
  const secondsLeft = Math.ceil((endsAt.getTime() - Date.now()) / 1000);
  const expiresIn = Math.min(accessTokenSeconds, secondsLeft);
  const accessToken = await issueAccessToken(signingKeys.signer, { accountId, sessionId: id }, expiresIn);
  return { accessToken, refreshToken, expiresIn };
}
