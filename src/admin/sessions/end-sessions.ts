import type { EntityManager } from '@mikro-orm/postgresql';
import { SessionEntity } from '../../database/entities/sign-in-entities.ts';
import { recordRevocation } from '../../database/statements/record-revocation.ts';

/**
 * Ends a session. Its refresh tokens stop working, and every node denies its access tokens until the last of them has
 * expired. Call it in a transaction.
 */
export async function endSession(em: EntityManager, sessionId: string, accessTokenSeconds: number): Promise<void> {
  const now = new Date();
  const expireTime = new Date(now.getTime() + accessTokenSeconds * 1000);
  const revocation = { issuerId: undefined, kind: 'session', value: sessionId, issuedBefore: undefined } as const;
  await em.nativeUpdate(SessionEntity, { id: sessionId, endTime: null }, { endTime: now });
  await recordRevocation(em, { revocation, expireTime });
}

/** Selects sessions of an account. */
export interface SessionsToEnd {
  readonly accountId: string;
  /** Only those that began before; undefined: whenever they began. */
  readonly startedBefore?: Date;
  /** The id of a session that goes on; undefined: none does. */
  readonly except?: string | undefined;
}

/** Ends sessions of an account. Call it in a transaction. */
export async function endSessions(
  em: EntityManager,
  { accountId, startedBefore, except }: SessionsToEnd,
  accessTokenSeconds: number,
): Promise<void> {
  const where = {
    accountId,
    endTime: null,
    ...(startedBefore !== undefined && { createTime: { $lt: startedBefore } }),
    ...(except !== undefined && { id: { $ne: except } }),
  };
  for (const { id } of await em.find(SessionEntity, where)) await endSession(em, id, accessTokenSeconds);
}
