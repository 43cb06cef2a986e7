import { randomUUID } from 'node:crypto';
import { AccountEntity, SessionEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { recordRevocation } from '../../database/record-revocation.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import type { AuthServiceService, LoginResponse } from '../../generated/weir/admin/v1/auth_service.ts';
import { issueAccessToken } from '../../identity/issue-tokens/access-token.ts';
import {
  newRefreshToken,
  nextRefreshToken,
  parseRefreshToken,
  type RefreshToken,
} from '../../identity/issue-tokens/refresh-token.ts';
import { verifyPassword } from '../../identity/secrets/password.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import type { Handlers } from '../shared/service.ts';
import type { SigningKeyRing } from '../signing-keys/signing-key-ring.ts';
import type { Authenticate } from './caller.ts';

export interface AuthServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  readonly signingKeys: Pick<SigningKeyRing, 'signer'>;
  readonly accessTokenSeconds: number;
  /** A session ends that long after its last refresh. */
  readonly refreshTokenSeconds: number;
}

const LONGEST_EMAIL = 254;
const LONGEST_PASSWORD = 1_024;

export function createAuthService(options: AuthServiceOptions): Handlers<AuthServiceService> {
  const { database, authenticate, signingKeys, accessTokenSeconds, refreshTokenSeconds } = options;
  const expiry = () => new Date(Date.now() + refreshTokenSeconds * 1000);
  const respond = async (accountId: string, sessionId: string, refresh: RefreshToken): Promise<LoginResponse> => ({
    accessToken: await issueAccessToken(signingKeys.signer, { accountId, sessionId }, accessTokenSeconds),
    refreshToken: refresh.text,
    expiresIn: accessTokenSeconds,
  });

  return {
    async login({ email, password }) {
      checkLogin(email, password);
      const em = database.em.fork();
      const account = await em.findOne(AccountEntity, { email: email.toLowerCase() });
      const isRight = await verifyPassword(password, account?.passwordHash);
      if (account === null || !isRight) throw wrongCredentials();
      const refresh = newRefreshToken();
      const { familyDigest, tokenDigest } = refresh;
      await em.nativeDelete(SessionEntity, { accountId: account.id, expireTime: { $lt: new Date() } });
      const session = { id: randomUUID(), accountId: account.id, familyDigest, tokenDigest, expireTime: expiry() };
      em.create(SessionEntity, session);
      await em.flush();
      return respond(account.id, session.id, refresh);
    },

    async refreshToken({ refreshToken }) {
      const faults = new FieldViolations();
      if (refreshToken === '') faults.add('refresh_token', 'must be given');
      faults.throwIfAny();
      const used = parseRefreshToken(refreshToken);
      if (used === undefined) throw wrongCredentials();
      const em = database.em.fork();
      const session = await em.findOne(SessionEntity, { familyDigest: used.familyDigest, endTime: null });
      if (session === null || session.expireTime <= new Date()) throw wrongCredentials();
      const next = nextRefreshToken(used);
      // One statement, so that of two calls with one token one at most gets another.
      const rotated = await em.nativeUpdate(
        SessionEntity,
        { id: session.id, tokenDigest: used.tokenDigest, endTime: null },
        { tokenDigest: next.tokenDigest, expireTime: expiry(), updateTime: new Date() },
      );
      if (rotated === 0) {
        // A token that was used before: a copy is in other hands, and nobody can tell which of the two is the thief's.
        await endSession(database, session.id, accessTokenSeconds);
        throw wrongCredentials();
      }
      return respond(session.accountId, session.id, next);
    },

    async logout({ refreshToken }, context) {
      const sessionId =
        refreshToken === '' ? (await authenticate(context)).sessionId : await sessionOf(database, refreshToken);
      if (sessionId === undefined) throw invalidArgument({ field: 'refresh_token', description: NO_SESSION });
      await endSession(database, sessionId, accessTokenSeconds);
      return {};
    },
  };
}

const NO_SESSION =
  'must be given: the call is not made with an access token of a sign-in, which could tell its session';

/** Of any token of its family, also of one that was used: who logs out wants nothing but the end of it. */
async function sessionOf(database: Database, refreshToken: string): Promise<string> {
  const token = parseRefreshToken(refreshToken);
  const where = { familyDigest: token?.familyDigest ?? Buffer.alloc(0) };
  const session = await database.em.fork().findOne(SessionEntity, where);
  if (session === null) throw wrongCredentials();
  return session.id;
}

/** Its refresh tokens work no more, and its access tokens are refused on every node as long as any of them lives. */
async function endSession(database: Database, sessionId: string, accessTokenSeconds: number): Promise<void> {
  const now = new Date();
  const lastExpiry = new Date(now.getTime() + accessTokenSeconds * 1000);
  await database.em.fork().transactional(async (em) => {
    await em.nativeUpdate(SessionEntity, { id: sessionId, endTime: null }, { endTime: now });
    await recordRevocation(
      em,
      { issuerId: undefined, kind: 'session', value: sessionId, issuedBefore: undefined },
      lastExpiry,
    );
  });
}

function checkLogin(email: string, password: string): void {
  const faults = new FieldViolations();
  if (email.length > LONGEST_EMAIL || !/^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(email)) {
    faults.add('email', 'must be an e-mail address');
  }
  if (password === '' || password.length > LONGEST_PASSWORD) {
    faults.add('password', `must be 1 to ${LONGEST_PASSWORD} characters`);
  }
  faults.throwIfAny();
}

function wrongCredentials(): ApiError {
  return new ApiError({ kind: 'unauthenticated', reason: 'CREDENTIALS_INVALID' });
}
