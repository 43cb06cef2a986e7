import { randomUUID } from 'node:crypto';
import { describe, expect } from 'vitest';
import { startTrustReplica } from '../../src/catalog/feed/trust-replica.ts';
import { openConnection } from '../../src/database/open-connection.ts';
import type { VerifiedToken } from '../../src/domain/tokens/token.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { insertKey, planLimits, test, UPSERT_PLAN } from './fixtures.ts';

const it = test.extend('trust', async ({ databaseUrl, readConsistently, log }, { onCleanup }) => {
  const { query, close } = openConnection({ url: databaseUrl, timeoutMs: 5_000 });
  const trust = await startTrustReplica({ query, readConsistently, log });
  onCleanup(async () => {
    await trust.stop();
    await close();
  });
  return trust;
});

const TOKEN: VerifiedToken = {
  issuerId: undefined,
  tokenId: 'a token',
  sessionId: undefined,
  accountId: 'somebody',
  planId: undefined,
  limits: [],
  features: [],
  isAdmin: false,
  issuedAt: undefined,
  notBefore: undefined,
  expiresAt: Date.now() + 60_000,
};

function revoke(query: Query): Promise<unknown> {
  return query(
    `insert into revocation (id, kind, value, expire_time, create_time)
     values (?, 'token', ?, now() + interval '1 hour', now())`,
    [randomUUID(), TOKEN.tokenId],
  );
}

describe('the copy of the trust', () => {
  it('follows revocations over a connection of its own, and does not read keys and plans', async ({
    query,
    account,
    trust,
    lines,
  }) => {
    await trust.refresh();
    expect(trust.isRevoked(TOKEN)).toBe(false);
    await query(UPSERT_PLAN, ['unreadable', '[{"name": 1}]']); // a copy of the plans would log it
    await insertKey(query, 'secret', account);
    await revoke(query);
    await expect.poll(() => trust.isRevoked(TOKEN)).toBe(true);
    await query(UPSERT_PLAN, ['readable', planLimits(1)]);
    await trust.refresh();
    expect(lines).toEqual([]);
    expect(trust.staleness).toBeLessThan(5_000);
  });

  it('connects again after its connection was lost', async ({ query, trust }) => {
    await trust.refresh();
    // Autovacuum may work in this database, too, and only superusers may end that.
    await query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`,
      [],
    );
    await revoke(query);
    await expect.poll(() => trust.isRevoked(TOKEN)).toBe(true);
  });
});
