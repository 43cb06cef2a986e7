import { randomUUID } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AccountEntity } from '../../database/entities/account-entity.ts';
import { SessionEntity } from '../../database/entities/sign-in-entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { LoginResponse } from '../../generated/weir/admin/v1/auth_service.ts';
import { addUsedToken, findAnswer } from '../../identity/issue-tokens/refresh-grace.ts';
import {
  generateNextRefreshToken,
  generateRefreshToken,
  parseRefreshToken,
  type RefreshToken,
} from '../../identity/issue-tokens/refresh-token.ts';
import type { CallContext } from '../methods/call-context.ts';
import { endSession, endSessions } from './end-sessions.ts';

export interface SessionsOptions {
  readonly database: Database;
  readonly accessTokenSeconds: number;
  /** A session ends this long after its last refresh. */
  readonly refreshTokenSeconds: number;
  /** A session ends this long after its sign-in, however often it is refreshed. */
  readonly sessionMaxSeconds: number;
  /** Issues the tokens of a session. */
  issueTokens(session: Session): Promise<LoginResponse>;
}

/** An account whose holder has shown its password, or has just set it. */
export interface SignedInAccount extends Pick<AccountEntity, 'id' | 'passwordHash'> {
  /** The step of the code that the holder has shown; null: none, because the account had no second factor. */
  readonly totpLastStep: number | null;
}

/** Where a call comes from. Sessions store it. */
export type Client = Pick<CallContext, 'peer' | 'userAgent'>;

/** A session with the only refresh token that currently works for it. */
export interface Session {
  readonly id: string;
  readonly accountId: string;
  readonly refreshToken: string;
  /** When the session ends in any case. */
  readonly endsAt: Date;
}

/**
 * Sessions of sign-ins with a password. Each has a family of refresh tokens. Only the last token of the family works. A
 * call that repeats an earlier one within 10 seconds gets the same answer again, because the first may have been lost.
 */
export class Sessions {
  readonly #options: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /**
   * Starts a session, and deletes the account's expired ones. Throws `unauthenticated` if the account has changed since
   * its password was verified, so that a session never outlives the password that it began with.
   */
  async start({ id: accountId, passwordHash, totpLastStep }: SignedInAccount, client: Client): Promise<LoginResponse> {
    const { text: refreshToken, familyDigest, tokenDigest } = generateRefreshToken();
    const id = randomUUID();
    const endsAt = this.#latestEnd(new Date());
    const expireTime = this.#nextExpiry(endsAt);
    const { peer, userAgent } = client;
    await this.#options.database.em.fork().transactional(async (em) => {
      if (!(await recordSignIn(em, { id: accountId, passwordHash, totpLastStep }))) throw invalidCredentials();
      await em.nativeDelete(SessionEntity, { accountId, expireTime: { $lt: new Date() } });
      const tokens = { familyDigest, tokenDigest, usedRefreshTokens: [] };
      em.create(SessionEntity, { id, accountId, ...tokens, peer, userAgent, expireTime });
    });
    return this.#options.issueTokens({ id, accountId, refreshToken, endsAt });
  }

  /**
   * Replaces the refresh token of a session. Throws `unauthenticated` for a token that does not work (any more), and
   * `account_disabled`.
   */
  async refresh(refreshToken: string, { peer, userAgent }: Client): Promise<LoginResponse> {
    const used = parseRefreshToken(refreshToken);
    if (used === undefined) throw invalidCredentials();
    const session = await this.#findSession(used);
    if (Buffer.compare(session.tokenDigest, used.tokenDigest) !== 0) return this.#repeatAnswer(session, used);
    const next = generateNextRefreshToken(used);
    const { id, accountId } = session;
    const endsAt = this.#latestEnd(session.createTime);
    const answer = await this.#options.issueTokens({ id, accountId, refreshToken: next.text, endsAt });
    // One statement, so that at most one of several concurrent calls with the same token replaces it.
    const rotated = await this.#options.database.em.fork().nativeUpdate(
      SessionEntity,
      { id, tokenDigest: used.tokenDigest, endTime: null },
      {
        tokenDigest: next.tokenDigest,
        usedRefreshTokens: addUsedToken(session.usedRefreshTokens, used, JSON.stringify(answer), Date.now()),
        expireTime: this.#nextExpiry(endsAt),
        ...{ peer, userAgent, lastRefreshTime: new Date(), updateTime: new Date() },
      },
    );
    return rotated > 0 ? answer : this.#repeatAnswer(await this.#findSession(used), used);
  }

  /** Repeats the answer to a token that was used lately. For any other token, ends the session and throws. */
  async #repeatAnswer({ id, usedRefreshTokens }: SessionEntity, used: RefreshToken): Promise<LoginResponse> {
    const answer = findAnswer(usedRefreshTokens, used, Date.now());
    if (answer !== undefined) return LoginResponse.create(JSON.parse(answer) as LoginResponse); // written by \`refresh\`
    // The token was used before, so somebody has a copy. Nobody can tell which of the two callers is the thief.
    await this.end(id);
    throw invalidCredentials();
  }

  async #findSession({ familyDigest }: RefreshToken): Promise<SessionEntity> {
    const em = this.#options.database.em.fork();
    const session = await em.findOne(SessionEntity, { familyDigest, endTime: null });
    const now = new Date();
    const isOver = session === null || session.expireTime <= now || this.#latestEnd(session.createTime) <= now;
    if (isOver) throw invalidCredentials();
    const account = await em.findOne(AccountEntity, { id: session.accountId, deleteTime: null });
    if (account === null) throw invalidCredentials();
    if (account.disabled) throw new ApiError({ kind: 'account_disabled' });
    return session;
  }

  /**
   * The session of any refresh token of its family, used ones included: a caller that logs out only wants the session
   * to end. Throws `unauthenticated` if no session matches.
   */
  async findByRefreshToken(refreshToken: string): Promise<SessionEntity> {
    const token = parseRefreshToken(refreshToken);
    const where = { familyDigest: token?.familyDigest ?? Buffer.alloc(0) };
    const session = await this.#options.database.em.fork().findOne(SessionEntity, where);
    if (session === null) throw invalidCredentials();
    return session;
  }

  /** Ends a session (end-sessions.ts). */
  async end(sessionId: string): Promise<void> {
    const { database, accessTokenSeconds } = this.#options;
    await database.em.fork().transactional((em) => endSession(em, sessionId, accessTokenSeconds));
  }

  /** Ends all sessions of an account. */
  async endAll(accountId: string): Promise<void> {
    const { database, accessTokenSeconds } = this.#options;
    await database.em.fork().transactional((em) => endSessions(em, { accountId }, accessTokenSeconds));
  }

  #latestEnd(signInTime: Date): Date {
    return new Date(signInTime.getTime() + this.#options.sessionMaxSeconds * 1000);
  }

  #nextExpiry(endsAt: Date): Date {
    return new Date(Math.min(Date.now() + this.#options.refreshTokenSeconds * 1000, endsAt.getTime()));
  }
}

/**
 * Sets the time of the last sign-in, without another version of the row. Returns whether the account can still be signed in
 * to with this password and code. Locks the row, so that a change of the password waits, and then ends the session too.
 */
async function recordSignIn(em: EntityManager, { id, passwordHash, totpLastStep }: SignedInAccount): Promise<boolean> {
  const rows = await em.execute<object[]>(
    `update account set last_sign_in_time = now()
     where id = ? and password_hash = ? and not disabled and delete_time is null and verify_before_time is null
       and (totp_enable_time is null or totp_last_step >= ?)
     returning id`,
    [id, passwordHash, totpLastStep],
  );
  return rows.length > 0;
}

function invalidCredentials(): ApiError {
  return new ApiError({ kind: 'unauthenticated', reason: 'CREDENTIALS_INVALID' });
}
