import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startCatalogReplica } from '../../src/catalog/feed/replica.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { digest, insertKey, test as it, planLimits, UPSERT_PLAN } from './fixtures.ts';

const SOON = { timeout: 20_000 };

const setNetworks = (query: Query, id: string, networks: string) =>
  query('update api_key set allowed_networks = ? where id = ?', [networks, id]);

describe('the catalog', () => {
  it('starts with every row of the database except deleted keys', async ({ query, readConsistently, account, log }) => {
    const id = await insertKey(query, 'kept', account);
    const deleted = await insertKey(query, 'deleted', account);
    await query('update api_key set delete_time = now() where id = ?', [deleted]);
    const later = await startCatalogReplica({ query, readConsistently, digest, log });
    expect(later.keyBySecret('kept')).toMatchObject({ id, accountId: account, planId: 'slow', disabled: false });
    expect(later.keyBySecret('deleted')).toBeUndefined();
    expect(later.plan('fast')?.limits).toMatchObject([{ requests: 100, windowSeconds: 60 }]);
    await later.stop();
  });

  it('follows the issuers and keys that tokens are trusted from, and revocations', async ({
    query,
    catalog,
    lines,
  }) => {
    const issuer = `insert into issuer (id, display_name, issuer, audiences, algorithms, claims, create_time, update_time)
      values (?, '', ?, '["api"]', ?, '{"plan": "tier"}', now(), now())`;
    await query(issuer, ['partner', 'https://login.example.com', '["ES256"]']);
    await query(issuer, ['broken', 'https://broken.example.com', '["none"]']);
    const key = { kty: 'OKP', crv: 'Ed25519', x: 'public' };
    await query(`insert into signing_key (id, private_jwk, create_time) values ('old', ?, now())`, [
      JSON.stringify({ ...key, d: 'private' }),
    ]);
    const oldKey = { id: 'old', algorithm: 'EdDSA', publicJwk: key };
    await expect.poll(() => catalog.trust.keys, SOON).toMatchObject([oldKey]);
    expect(JSON.stringify(catalog.trust)).not.toContain('private');
    expect(catalog.trust.issuers).toMatchObject([
      { id: 'partner', keys: { kind: 'discovery' }, claims: { account: 'sub', plan: 'tier' } },
    ]);
    expect(lines).toContain('could not read an issuer; rejecting its tokens');
    await query(`update issuer set disabled = true where id = 'partner'`, []);
    await expect.poll(() => catalog.trust.issuers, SOON).toEqual([]);

    const ids = { issuerId: 'partner', tokenId: 't1', sessionId: undefined, accountId: 'a', planId: undefined };
    const token = { ...ids, limits: [], features: [], isAdmin: false, issuedAt: 0, notBefore: 0, expiresAt: 0 };
    await query(
      `insert into revocation (id, issuer_id, kind, value, expire_time, create_time)
       values ('r', 'partner', 'token', 't1', now(), now())`,
      [],
    );
    await expect.poll(() => catalog.isRevoked(token), SOON).toBe(true);
    await query(`delete from revocation`, []);
    await expect.poll(() => catalog.isRevoked(token), SOON).toBe(false);
  });

  it('follows every kind of change', async ({ query, account, catalog }) => {
    const id = await insertKey(query, 'secret', account);
    await expect.poll(() => catalog.keyBySecret('secret')?.id, SOON).toBe(id);
    await query(`update api_key set disabled = true, expire_time = '2030-01-01T00:00:00.123Z' where id = ?`, [id]);
    await expect.poll(() => catalog.key(id)?.disabled, SOON).toBe(true);
    expect(catalog.key(id)?.expiresAt).toBe(Date.parse('2030-01-01T00:00:00.123Z'));
    await query('update api_key set digest = ? where id = ?', [Buffer.from(digest('other'), 'hex'), id]);
    await expect.poll(() => catalog.keyBySecret('other')?.id, SOON).toBe(id);
    expect(catalog.keyBySecret('secret')).toBeUndefined();
    await query(UPSERT_PLAN, ['slow', planLimits(7)]);
    await expect.poll(() => catalog.plan('slow')?.limits, SOON).toMatchObject([{ requests: 7 }]);
    await query('delete from api_key where id = ?', [id]);
    await expect.poll(() => catalog.key(id), SOON).toBeUndefined();
    expect(catalog.keyBySecret('other')).toBeUndefined();
    await query(`delete from plan where id = 'fast'`, []);
    await expect.poll(() => catalog.plan('fast'), SOON).toBeUndefined();
  });

  it('moves a key without a plan with its account, and leaves a key with a plan', async ({
    query,
    account,
    catalog,
  }) => {
    await insertKey(query, 'follows', account);
    await insertKey(query, 'stays', account, 'slow');
    await expect.poll(() => catalog.keyBySecret('stays')?.planId, SOON).toBe('slow');
    expect(catalog.keyBySecret('follows')?.planId).toBe('slow');
    await query(`update account set plan_id = 'fast' where id = ?`, [account]);
    await expect.poll(() => catalog.keyBySecret('follows')?.planId, SOON).toBe('fast');
    expect(catalog.account(account)?.planId).toBe('fast');
    expect(catalog.keyBySecret('stays')?.planId).toBe('slow');
  });

  it('keeps the limits of a plan whose new ones cannot be read, and logs it', async ({ query, catalog, lines }) => {
    await query(UPSERT_PLAN, ['slow', '[{"name":"x","requests":1,"window":"1m","algorithm":"from the future"}]']);
    await expect.poll(() => lines, SOON).toContain('could not read a plan; its last known version stays in force');
    expect(catalog.plan('slow')?.limits).toMatchObject([{ requests: 1, windowSeconds: 60 }]);
  });

  it('follows the limits and networks of a key', async ({ query, account, catalog }) => {
    const id = await insertKey(query, 'secret', account);
    await query('update api_key set limits = ? where id = ?', [planLimits(7), id]);
    await expect.poll(() => catalog.key(id)?.policy.limits, SOON).toMatchObject([{ requests: 7 }]);
    await setNetworks(query, id, '["192.0.2.0/24"]');
    await expect.poll(() => catalog.key(id)?.policy.allowedNetworks, SOON).toHaveLength(1);
  });

  it('keeps the networks of a key whose new ones cannot be read, and follows its other fields', async ({
    query,
    account,
    catalog,
    lines,
  }) => {
    const id = await insertKey(query, 'secret', account);
    await setNetworks(query, id, '["192.0.2.0/24"]');
    await expect.poll(() => catalog.key(id)?.policy.allowedNetworks, SOON).toHaveLength(1);
    await query(`update api_key set allowed_networks = '["from the future"]', disabled = true where id = ?`, [id]);
    await expect.poll(() => catalog.keyBySecret('secret')?.disabled, SOON).toBe(true);
    expect(catalog.key(id)?.policy.allowedNetworks).toHaveLength(1);
    expect(lines).toContain('could not read the policy of an API key; its last known policy stays in force');
  });

  it('leaves out a key whose networks cannot be read when it starts', async ({
    query,
    readConsistently,
    account,
    log,
  }) => {
    const id = await insertKey(query, 'secret', account);
    await setNetworks(query, id, '["from the future"]');
    const started = await startCatalogReplica({ query, readConsistently, digest, log });
    expect([started.key(id), started.keyBySecret('secret')]).toEqual([undefined, undefined]);
    await setNetworks(query, id, '[]');
    await expect.poll(() => started.keyBySecret('secret')?.id, SOON).toBe(id);
    await started.stop();
  });

  it('gets no change from columns that no decision uses', async ({ query, account }) => {
    const id = await insertKey(query, 'secret', account);
    const [before] = await query('select count(*)::int as changes from catalog_change', []);
    await query(`update api_key set display_name = 'new', hint = 'new' where id = ?`, [id]);
    expect(await query('select count(*)::int as changes from catalog_change', [])).toEqual([before]);
  });

  it('keeps answering without Postgres, logs that once, and catches up', async ({
    query,
    readConsistently,
    account,
    log,
    lines,
  }) => {
    const id = await insertKey(query, 'secret', account);
    let isAway = false;
    const flaky: Query = (sql, parameters) =>
      isAway ? Promise.reject(new Error('connect ECONNREFUSED')) : query(sql, parameters);
    const cut = await startCatalogReplica({ query: flaky, readConsistently, digest, log });
    isAway = true;
    await query('update api_key set disabled = true where id = ?', [id]);
    await sleep(1_500);
    expect(cut.keyBySecret('secret')).toMatchObject({ id, disabled: false });
    expect(cut.staleness).toBeGreaterThan(1_000);
    expect(lines.filter((each) => each.startsWith('could not read the catalog'))).toHaveLength(1);
    isAway = false;
    await expect.poll(() => cut.keyBySecret('secret')?.disabled, SOON).toBe(true);
    expect(lines).toContain('reading the catalog works again');
    await cut.stop();
  });
});
