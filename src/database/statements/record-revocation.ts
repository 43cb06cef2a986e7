import { hash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Revocation } from '../../domain/tokens/token.ts';

/** A revocation, and the time when the last token that it covers has expired. */
export interface ExpiringRevocation {
  readonly revocation: Revocation;
  readonly expireTime: Date;
}

/**
 * Makes every node deny the revoked tokens until `expireTime`. Recording the same revocation again can only extend it.
 */
export async function recordRevocation(
  em: EntityManager,
  { revocation, expireTime }: ExpiringRevocation,
): Promise<void> {
  const { issuerId = null, kind, value, issuedBefore = null } = revocation;
  // Equal revocations have equal ids, so that repeating one updates its row.
  const id = hash('sha256', JSON.stringify([issuerId, kind, value, issuedBefore]), 'hex');
  await em.execute(
    `insert into revocation (id, issuer_id, kind, value, issued_before, expire_time, create_time)
     values (?, ?, ?, ?, ?, ?, now())
     on conflict (id) do update set expire_time = greatest(revocation.expire_time, excluded.expire_time)`,
    [id, issuerId, kind, value, issuedBefore === null ? null : new Date(issuedBefore), expireTime],
  );
}
