import { AccountEntity } from '../../database/entities/account-entity.ts';
import { SessionEntity } from '../../database/entities/sign-in-entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { Session, SessionServiceService } from '../../generated/weir/admin/v1/session_service.ts';
import type { Authenticate, Caller } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readResourceName, requireSessionName } from '../fields/resource-names.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { endSession } from './end-sessions.ts';

export interface SessionServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  readonly accessTokenSeconds: number;
}

/** Callers manage the sessions of their own account, administrators those of all. */
export function createSessionService(options: SessionServiceOptions): Handlers<SessionServiceService> {
  const { database, authenticate, accessTokenSeconds } = options;
  return {
    async listSessions(request, context) {
      const caller = await authenticate(context);
      const violations = new FieldViolations();
      const accountId = readResourceName(violations, 'accounts', 'parent', request.parent);
      const page = readPage(violations, { method: 'SessionService/ListSessions', ids: 'sessions' }, request);
      violations.throwIfAny();
      await requireVisible(database, caller, accountId);
      const where = { ...inForce(accountId), id: { $gt: page.after } };
      const rows = await database.em
        .fork()
        .find(SessionEntity, where, { orderBy: { id: 'asc' }, limit: page.size + 1 });
      const { items, nextPageToken } = splitPage(rows, page);
      return { sessions: items.map((row) => toSessionMessage(row, caller)), nextPageToken };
    },

    async deleteSession({ name }, context) {
      const caller = await authenticate(context);
      const { accountId, sessionId } = requireSessionName('name', name);
      await database.em.fork().transactional(async (em) => {
        const isVisible = caller.isAdmin || caller.accountId === accountId;
        const where = { ...inForce(accountId), id: sessionId };
        if (!isVisible || (await em.count(SessionEntity, where)) === 0) throw new ApiError({ kind: 'not_found', name });
        await endSession(em, sessionId, accessTokenSeconds);
      });
      return {};
    },
  };
}

function inForce(accountId: string) {
  return { accountId, endTime: null, expireTime: { $gt: new Date() } };
}

/** Throws `not_found` for an account that does not exist or that the caller must not know of. */
async function requireVisible(database: Database, caller: Caller, accountId: string): Promise<void> {
  const isVisible = caller.isAdmin
    ? (await database.em.fork().count(AccountEntity, { id: accountId, deleteTime: null })) > 0
    : caller.accountId === accountId;
  if (!isVisible) throw new ApiError({ kind: 'not_found', name: `accounts/${accountId}` });
}

function toSessionMessage(row: SessionEntity, { sessionId }: Caller): Session {
  const { id, accountId, createTime, lastRefreshTime, expireTime, peer, userAgent } = row;
  return {
    name: `accounts/${accountId}/sessions/${id}`,
    createTime,
    lastRefreshTime: lastRefreshTime ?? undefined,
    expireTime,
    peer,
    userAgent,
    current: id === sessionId,
  };
}
