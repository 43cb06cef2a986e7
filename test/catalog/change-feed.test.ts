import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningPostgres, startPostgres } from '../../provision/postgres.ts';
import { currentPosition, type FeedPosition, readChanges } from '../../src/catalog/feed/change-feed.ts';
import { CHANGES_KEPT_MS, FeedPruner } from '../../src/catalog/feed/prune.ts';
import { type RunningCatalog, startCatalog } from '../../src/catalog/feed/replica.ts';
import { readAll } from '../../src/catalog/feed/snapshot.ts';
import { migrate } from '../../src/database/migrate.ts';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import type { Query } from '../../src/interfaces/query.ts';

const digest = (secret: string) => Buffer.from(secret).toString('hex');

/** A server of its own: what is pruned depends on the oldest transaction that runs anywhere on the server. */
let postgres: RunningPostgres;
let template: string;
let database: Database;
let query: Query;
let catalog: RunningCatalog;
let lines: string[];

const line = (_: object, message: string) => {
  lines.push(message);
};
const log = { info: line, warn: line, error: line };

/** A statement's rows, by whichever query runs it. */
const planSql = `insert into plan (id, display_name, limits, create_time, update_time) values (?, '', ?, now(), now())
  on conflict (id) do update set limits = excluded.limits`;
const keySql = `insert into api_key (id, digest, hint, counter_id, display_name, account_id, plan_id, disabled, create_time, update_time)
  values (?, ?, '', '', '', ?, ?, false, now(), now())`;
const limitsOf = (requests: number) =>
  JSON.stringify([{ name: 'all', requests, window: '1m', algorithm: 'sliding_window' }]);

async function addAccount(planId: string): Promise<string> {
  const id = randomUUID();
  await query(
    `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
     values (?, ?, '', 'user', ?, now(), now())`,
    [id, id, planId],
  );
  return id;
}

async function addKey(secret: string, accountId: string, planId: string | null = null): Promise<string> {
  const id = randomUUID();
  await query(keySql, [id, Buffer.from(secret), accountId, planId]);
  return id;
}

beforeAll(async () => {
  postgres = await startPostgres();
  template = await postgres.createDatabase();
  const migrating = await openDatabase({ url: template });
  await migrate(migrating).finally(() => migrating.close(true));
});
afterAll(() => postgres?.stop());

beforeEach(async () => {
  lines = [];
  database = await openDatabase({ url: await postgres.createDatabase(template) });
  query = createQuery(database);
  await query(planSql, ['slow', limitsOf(1)]);
  await query(planSql, ['fast', limitsOf(100)]);
  catalog = await startCatalog({ query, digest, log });
});
afterEach(async () => {
  await catalog.stop();
  await database.close(true);
});

describe('the catalog', () => {
  test('has at its start what was there, without deleted keys', async () => {
    const account = await addAccount('slow');
    const id = await addKey('kept', account);
    const deleted = await addKey('deleted', account);
    await query('update api_key set delete_time = now() where id = ?', [deleted]);
    const later = await startCatalog({ query, digest, log });
    expect(later.keyBySecret('kept')).toMatchObject({ id, accountId: account, planId: 'slow', disabled: false });
    expect(later.keyBySecret('deleted')).toBeUndefined();
    expect(later.plan('fast')?.limits).toMatchObject([{ requests: 100, windowSeconds: 60 }]);
    await later.stop();
  });

  test('follows whose tokens are good, and which were revoked', async () => {
    const issuer = `insert into issuer (id, display_name, issuer, audiences, algorithms, claims, create_time, update_time)
      values (?, '', ?, '["api"]', ?, '{"plan": "tier"}', now(), now())`;
    await query(issuer, ['partner', 'https://login.example.com', '["ES256"]']);
    await query(issuer, ['broken', 'https://broken.example.com', '["none"]']);
    const key = { kty: 'OKP', crv: 'Ed25519', x: 'public' };
    await query(`insert into signing_key (id, private_jwk, create_time) values ('old', ?, now())`, [
      JSON.stringify({ ...key, d: 'private' }),
    ]);
    await expect.poll(() => catalog.trust.keys).toMatchObject([{ id: 'old', algorithm: 'EdDSA', publicJwk: key }]);
    expect(JSON.stringify(catalog.trust)).not.toContain('private');
    expect(catalog.trust.issuers).toMatchObject([
      { id: 'partner', keys: { kind: 'discovery' }, claims: { account: 'sub', plan: 'tier' } },
    ]);
    expect(lines).toContain('an issuer cannot be read; its tokens are refused');
    await query(`update issuer set disabled = true where id = 'partner'`, []);
    await expect.poll(() => catalog.trust.issuers).toEqual([]);

    const token = { issuerId: 'partner', tokenId: 't1', sessionId: undefined, accountId: 'a', planId: undefined };
    const asked = { ...token, limits: [], features: [], isAdmin: false, issuedAt: 0, notBefore: 0, expiresAt: 0 };
    await query(
      `insert into revocation (id, issuer_id, kind, value, expire_time, create_time)
       values ('r', 'partner', 'token', 't1', now(), now())`,
      [],
    );
    await expect.poll(() => catalog.isRevoked(asked)).toBe(true);
    await query(`delete from revocation`, []);
    await expect.poll(() => catalog.isRevoked(asked)).toBe(false);
  });

  test('follows every kind of change', async () => {
    const account = await addAccount('slow');
    const id = await addKey('secret', account);
    await expect.poll(() => catalog.keyBySecret('secret')?.id).toBe(id);
    await query(`update api_key set disabled = true, expire_time = '2030-01-01T00:00:00.123Z' where id = ?`, [id]);
    await expect.poll(() => catalog.key(id)?.disabled).toBe(true);
    expect(catalog.key(id)?.expiresAt).toBe(Date.parse('2030-01-01T00:00:00.123Z'));
    await query('update api_key set digest = ? where id = ?', [Buffer.from('other'), id]);
    await expect.poll(() => catalog.keyBySecret('other')?.id).toBe(id);
    expect(catalog.keyBySecret('secret')).toBeUndefined();
    await query(planSql, ['slow', limitsOf(7)]);
    await expect.poll(() => catalog.plan('slow')?.limits).toMatchObject([{ requests: 7 }]);
    await query('delete from api_key where id = ?', [id]);
    await expect.poll(() => catalog.key(id)).toBeUndefined();
    expect(catalog.keyBySecret('other')).toBeUndefined();
    await query(`delete from plan where id = 'fast'`, []);
    await expect.poll(() => catalog.plan('fast')).toBeUndefined();
  });

  test('a key without a plan is on its account’s, and moves with it; one with a plan stays', async () => {
    const account = await addAccount('slow');
    await addKey('follows', account);
    await addKey('stays', account, 'slow');
    await expect.poll(() => catalog.keyBySecret('stays')?.planId).toBe('slow');
    expect(catalog.keyBySecret('follows')?.planId).toBe('slow');
    await query(`update account set plan_id = 'fast' where id = ?`, [account]);
    await expect.poll(() => catalog.keyBySecret('follows')?.planId).toBe('fast');
    expect(catalog.account(account)?.planId).toBe('fast');
    expect(catalog.keyBySecret('stays')?.planId).toBe('slow');
  });

  test('a plan that cannot be read keeps its limits as they were, and says so', async () => {
    await query(planSql, ['slow', '[{"name":"x","requests":1,"window":"1m","algorithm":"from the future"}]']);
    await expect.poll(() => lines).toContain('a plan cannot be read; what was known of it stays in force');
    expect(catalog.plan('slow')?.limits).toMatchObject([{ requests: 1, windowSeconds: 60 }]);
  });

  const setNetworks = (id: string, networks: string) =>
    query('update api_key set allowed_networks = ? where id = ?', [networks, id]);

  test('a key’s own limits and networks are followed', async () => {
    const id = await addKey('secret', await addAccount('slow'));
    await query('update api_key set limits = ? where id = ?', [limitsOf(7), id]);
    await expect.poll(() => catalog.key(id)?.policy.limits).toMatchObject([{ requests: 7 }]);
    await setNetworks(id, '["192.0.2.0/24"]');
    await expect.poll(() => catalog.key(id)?.policy.allowedNetworks).toHaveLength(1);
  });

  test('a key whose networks cannot be read keeps those that were known, and all else as it is now', async () => {
    const id = await addKey('secret', await addAccount('slow'));
    await setNetworks(id, '["192.0.2.0/24"]');
    await expect.poll(() => catalog.key(id)?.policy.allowedNetworks).toHaveLength(1);
    await query(`update api_key set allowed_networks = '["from the future"]', disabled = true where id = ?`, [id]);
    await expect.poll(() => catalog.keyBySecret('secret')?.disabled).toBe(true);
    expect(catalog.key(id)?.policy.allowedNetworks).toHaveLength(1);
    expect(lines).toContain(
      'what an API key has beside its plan cannot be read; what was known of that stays in force',
    );
  });

  test('a key whose networks cannot be read is not known to a node that starts', async () => {
    const id = await addKey('secret', await addAccount('slow'));
    await setNetworks(id, '["from the future"]');
    const started = await startCatalog({ query, digest, log });
    expect([started.key(id), started.keyBySecret('secret')]).toEqual([undefined, undefined]);
    await setNetworks(id, '[]');
    await expect.poll(() => started.keyBySecret('secret')?.id).toBe(id);
    await started.stop();
  });

  test('a column that no decision looks at makes no change', async () => {
    const id = await addKey('secret', await addAccount('slow'));
    const [before] = await query('select count(*)::int as changes from catalog_change', []);
    await query(`update api_key set display_name = 'new', hint = 'new' where id = ?`, [id]);
    expect(await query('select count(*)::int as changes from catalog_change', [])).toEqual([before]);
  });

  test('goes on answering while Postgres is away, says so once, and catches up', async () => {
    const id = await addKey('secret', await addAccount('slow'));
    let away = false;
    const flaky: Query = (sql, parameters) =>
      away ? Promise.reject(new Error('connect ECONNREFUSED')) : query(sql, parameters);
    const cut = await startCatalog({ query: flaky, digest, log });
    away = true;
    await query('update api_key set disabled = true where id = ?', [id]);
    await sleep(1_500);
    expect(cut.keyBySecret('secret')).toMatchObject({ id, disabled: false });
    expect(cut.staleness).toBeGreaterThan(1_000);
    expect(lines.filter((each) => each.startsWith('the catalog cannot be read'))).toHaveLength(1);
    away = false;
    await expect.poll(() => cut.keyBySecret('secret')?.disabled, { timeout: 5_000 }).toBe(true);
    expect(lines).toContain('the catalog is followed again');
    await cut.stop();
  });
});

describe('the change feed', () => {
  const namesSince = async (position: FeedPosition) => {
    const changes = await readChanges(query, position);
    return { names: changes.entries.map(({ id }) => id).sort(), position: changes.position };
  };
  const transaction = async (id: string) => {
    const em = database.em.fork();
    await em.begin();
    await em.execute(planSql, [id, limitsOf(1)]);
    return em;
  };

  test('gives each change once, in whatever order transactions commit, however long they stay open', async () => {
    const start = await currentPosition(query);
    const early = await transaction('early');
    const late = await transaction('late');
    await late.commit();
    const first = await namesSince(start);
    expect(first.names).toEqual(['late']);
    await query(planSql, ['between', limitsOf(1)]);
    const second = await namesSince(first.position);
    expect(second.names).toEqual(['between']);
    await early.commit();
    const third = await namesSince(second.position);
    expect(third.names).toEqual(['early']);
    expect((await namesSince(third.position)).names).toEqual([]);
  });

  test('gives nothing of a transaction that is rolled back', async () => {
    const start = await currentPosition(query);
    await (await transaction('never')).rollback();
    expect((await namesSince(start)).names).toEqual([]);
  });

  test('costs no more while a transaction stays open: what was seen is not looked at again', async () => {
    const held = await transaction('held');
    const before = await currentPosition(query);
    await query(
      `insert into catalog_change (entity, entity_id) select 'api_key', i::text from generate_series(1, 30000) i`,
      [],
    );
    await query('analyze catalog_change', []);
    const seen = await currentPosition(query);
    await query(planSql, ['later', limitsOf(1)]);
    const em = database.em.fork();
    await em.begin();
    const changes = await readChanges((sql, parameters) => em.execute(sql, [...parameters]), seen);
    const reads = await em.execute(
      `select seq_tup_read + coalesce(idx_tup_fetch, 0) as rows from pg_stat_xact_user_tables where relname = 'catalog_change'`,
    );
    await em.rollback();
    expect(changes.entries.map(({ id }) => id)).toEqual(['later']);
    expect(Number(reads[0]?.rows)).toBeLessThan(10);
    expect((await readChanges(query, before)).reload).toMatch(/more has changed/);
    await held.commit();
    expect((await readChanges(query, seen)).entries.map(({ id }) => id).sort()).toEqual(['held', 'later']);
  });

  test('is pruned of transactions that ended long ago, not of one that has just become visible', async () => {
    const remaining = async () =>
      (await query('select distinct entity_id as id from catalog_change order by 1', [])) as { id: string }[];
    const pruner = new FeedPruner();
    const open = await transaction('open');
    await query(planSql, ['old', limitsOf(1)]);
    await pruner.prune(query, 0);
    await query(planSql, ['new', limitsOf(1)]);
    await open.commit();
    await pruner.prune(query, CHANGES_KEPT_MS - 1);
    expect((await remaining()).map(({ id }) => id)).toEqual(['fast', 'new', 'old', 'open', 'slow']);
    // `old` stays too: it is younger than the open transaction, by which the mark was held back.
    await pruner.prune(query, CHANGES_KEPT_MS);
    expect((await remaining()).map(({ id }) => id)).toEqual(['new', 'old', 'open']);
    await pruner.prune(query, 3 * CHANGES_KEPT_MS);
    expect((await remaining()).map(({ id }) => id)).toEqual([]);
  });
});

test('with many writers, open transactions and commits out of order, all is seen within a second and ends equal', async () => {
  const account = await addAccount('slow');
  const ids = Array.from({ length: 40 }, () => randomUUID());
  for (const id of ids) await query(keySql, [id, Buffer.from(id), account, null]);
  let slowest = 0;

  const writer = async (own: readonly string[], seed: number) => {
    for (let round = 0; round < 6; round += 1) {
      const id = own[(round * 7 + seed) % own.length] ?? '';
      const expiresAt = 1_800_000_000_000 + seed * 1_000 + round;
      const em = database.em.fork();
      await em.begin();
      await em.execute('update api_key set expire_time = to_timestamp(?::float8 / 1000) where id = ?', [expiresAt, id]);
      await sleep(((seed * 37 + round * 53) % 5) * 60); // some stay open over several polls
      if ((seed + round) % 5 === 0) {
        await em.rollback();
        continue;
      }
      await em.commit();
      const committedAt = performance.now();
      while (catalog.key(id)?.expiresAt !== expiresAt && performance.now() - committedAt < 5_000) await sleep(5);
      slowest = Math.max(slowest, performance.now() - committedAt);
    }
  };
  const held = database.em.fork(); // a transaction that writes elsewhere and stays open all the time
  await held.begin();
  await held.execute(planSql, ['held', limitsOf(3)]);
  const writers = Array.from({ length: 5 }, (_, seed) => writer(ids.slice(seed * 8, seed * 8 + 8), seed));
  await Promise.all(writers);
  expect(slowest).toBeLessThan(1_000);
  expect(catalog.plan('held')).toBeUndefined();
  await held.commit();
  await expect.poll(() => catalog.plan('held')?.limits).toMatchObject([{ requests: 3 }]);

  for await (const page of readAll(query)) {
    for (const { entity, id, record } of page) {
      if (entity !== 'api_key') continue;
      expect(catalog.key(id)?.expiresAt ?? null).toBe(record?.expiresAt);
    }
  }
});
