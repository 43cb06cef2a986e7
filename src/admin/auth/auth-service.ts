import { AccountEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import type { AuthServiceService, LoginResponse } from '../../generated/weir/admin/v1/auth_service.ts';
import { issueAccessToken } from '../../identity/issue-tokens/access-token.ts';
import { verifyPassword } from '../../identity/secrets/password.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import type { Handlers } from '../shared/unary-service.ts';
import type { SigningKeyRing } from '../signing-keys/signing-key-ring.ts';
import type { Authenticate } from './caller.ts';
import { type Session, Sessions } from './sessions.ts';

export interface AuthServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  readonly signingKeys: Pick<SigningKeyRing, 'signer'>;
  readonly accessTokenSeconds: number;
  /** A session ends this long after its last refresh. */
  readonly refreshTokenSeconds: number;
}

/** The longest address that fits into the path of RFC 5321. */
const MAX_EMAIL_LENGTH = 254;
const MAX_PASSWORD_LENGTH = 1_024;
const EMAIL = /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u;

export function createAuthService(options: AuthServiceOptions): Handlers<AuthServiceService> {
  const { database, authenticate, signingKeys, accessTokenSeconds } = options;
  const sessions = new Sessions(options);
  const issueTokens = async ({ id, accountId, refreshToken }: Session): Promise<LoginResponse> => ({
    accessToken: await issueAccessToken(signingKeys.signer, { accountId, sessionId: id }, accessTokenSeconds),
    refreshToken,
    expiresIn: accessTokenSeconds,
  });

  return {
    async login({ email, password }) {
      checkLogin(email, password);
      const account = await database.em.fork().findOne(AccountEntity, { email: email.toLowerCase() });
      // Verifies a password for an unknown account as well, so that both failures take the same time.
      const isCorrect = await verifyPassword(password, account?.passwordHash);
      if (account === null || !isCorrect)
        throw new ApiError({ kind: 'unauthenticated', reason: 'CREDENTIALS_INVALID' });
      return issueTokens(await sessions.start(account.id));
    },

    async refreshToken({ refreshToken }) {
      if (refreshToken === '') throw invalidArgument({ field: 'refresh_token', description: 'must be set' });
      return issueTokens(await sessions.refresh(refreshToken));
    },

    async logout({ refreshToken }, context) {
      const sessionId =
        refreshToken === ''
          ? (await authenticate(context)).sessionId
          : await sessions.findIdByRefreshToken(refreshToken);
      if (sessionId === undefined) {
        const description = 'must be set: the access token of this call does not belong to a session';
        throw invalidArgument({ field: 'refresh_token', description });
      }
      await sessions.end(sessionId);
      return {};
    },
  };
}

/** The descriptions never repeat what was found: people type passwords into the wrong field. */
function checkLogin(email: string, password: string): void {
  const violations = new FieldViolations();
  if (email.length > MAX_EMAIL_LENGTH || !EMAIL.test(email)) violations.add('email', 'must be an e-mail address');
  if (password === '' || password.length > MAX_PASSWORD_LENGTH) {
    violations.add('password', `must be 1 to ${MAX_PASSWORD_LENGTH} characters`);
  }
  violations.throwIfAny();
}
