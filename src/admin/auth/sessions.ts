import { randomUUID } from 'node:crypto';
import { SessionEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { recordRevocation } from '../../database/record-revocation.ts';
import { ApiError } from '../../domain/api-error.ts';
import {
  generateNextRefreshToken,
  generateRefreshToken,
  parseRefreshToken,
} from '../../identity/issue-tokens/refresh-token.ts';

export interface SessionsOptions {
  readonly database: Database;
  readonly accessTokenSeconds: number;
  /** A session ends this long after its last refresh. */
  readonly refreshTokenSeconds: number;
}

/** A session with the only refresh token that currently works for it. */
export interface Session {
  readonly id: string;
  readonly accountId: string;
  readonly refreshToken: string;
}

/**
 * Sessions of sign-ins with a password. Each has a family of refresh tokens. Only the last token of the family works.
 */
export class Sessions {
  readonly #options: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Starts a session, and deletes the account's expired ones. */
  async start(accountId: string): Promise<Session> {
    const { text: refreshToken, familyDigest, tokenDigest } = generateRefreshToken();
    const em = this.#options.database.em.fork();
    await em.nativeDelete(SessionEntity, { accountId, expireTime: { $lt: new Date() } });
    const id = randomUUID();
    em.create(SessionEntity, { id, accountId, familyDigest, tokenDigest, expireTime: this.#nextExpiry() });
    await em.flush();
    return { id, accountId, refreshToken };
  }

  /** Replaces the refresh token of a session. Throws `unauthenticated` for a token that does not work (any more). */
  async refresh(refreshToken: string): Promise<Session> {
    const used = parseRefreshToken(refreshToken);
    if (used === undefined) throw invalidCredentials();
    const em = this.#options.database.em.fork();
    const session = await em.findOne(SessionEntity, { familyDigest: used.familyDigest, endTime: null });
    if (session === null || session.expireTime <= new Date()) throw invalidCredentials();
    const next = generateNextRefreshToken(used);
    // One statement, so that at most one of several concurrent calls with the same token gets the next one.
    const rotated = await em.nativeUpdate(
      SessionEntity,
      { id: session.id, tokenDigest: used.tokenDigest, endTime: null },
      { tokenDigest: next.tokenDigest, expireTime: this.#nextExpiry(), updateTime: new Date() },
    );
    if (rotated === 0) {
      // The token was used before, so somebody has a copy. Nobody can tell which of the two callers is the thief.
      await this.end(session.id);
      throw invalidCredentials();
    }
    return { id: session.id, accountId: session.accountId, refreshToken: next.text };
  }

  /**
   * The session of any refresh token of its family, used ones included: a caller that logs out only wants the session
   * to end. Throws `unauthenticated` if no session matches.
   */
  async findIdByRefreshToken(refreshToken: string): Promise<string> {
    const token = parseRefreshToken(refreshToken);
    const where = { familyDigest: token?.familyDigest ?? Buffer.alloc(0) };
    const session = await this.#options.database.em.fork().findOne(SessionEntity, where);
    if (session === null) throw invalidCredentials();
    return session.id;
  }

  /**
   * Ends a session. Its refresh tokens stop working, and every node denies its access tokens until the last of them has
   * expired.
   */
  async end(sessionId: string): Promise<void> {
    const { database, accessTokenSeconds } = this.#options;
    const now = new Date();
    const expireTime = new Date(now.getTime() + accessTokenSeconds * 1000);
    const revocation = { issuerId: undefined, kind: 'session', value: sessionId, issuedBefore: undefined } as const;
    await database.em.fork().transactional(async (em) => {
      await em.nativeUpdate(SessionEntity, { id: sessionId, endTime: null }, { endTime: now });
      await recordRevocation(em, { revocation, expireTime });
    });
  }

  #nextExpiry(): Date {
    return new Date(Date.now() + this.#options.refreshTokenSeconds * 1000);
  }
}

function invalidCredentials(): ApiError {
  return new ApiError({ kind: 'unauthenticated', reason: 'CREDENTIALS_INVALID' });
}
