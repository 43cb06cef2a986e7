import { describe, expect } from 'vitest';
import { startPostgres } from '../../provision/postgres.ts';
import { type FeedPosition, readChanges, readPosition } from '../../src/catalog/feed/change-feed.ts';
import { FeedPruner, MIN_CHANGE_RETENTION_MS } from '../../src/catalog/feed/prune.ts';
import { readSnapshot } from '../../src/catalog/feed/snapshot.ts';
import { migrate } from '../../src/database/migrate.ts';
import { type Database, openDatabase } from '../../src/database/open-database.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { waitUntil } from '../support/wait-until.ts';
import { planLimits, test, UPSERT_PLAN } from './fixtures.ts';
import { runManyWriters } from './many-writers.ts';

/** On a server of its own: what may be pruned depends on the oldest transaction that runs anywhere on the server. */
const it = test
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('postgres', { scope: 'file' }, async ({}, { onCleanup }) => {
    const postgres = await startPostgres();
    onCleanup(() => postgres.stop());
    return postgres;
  })
  .extend('template', { scope: 'file' }, async ({ postgres }) => {
    const template = await postgres.createDatabase();
    const database = await openDatabase({ url: template });
    await migrate(database).finally(() => database.close(true));
    return template;
  })
  .override('databaseUrl', ({ postgres, template }) => postgres.createDatabase(template));

async function readIds(query: Query, position: FeedPosition) {
  const changes = await readChanges(query, position);
  return { ids: changes.entries.map(({ id }) => id).sort(), position: changes.position };
}

/** Opens a transaction that creates a plan. */
async function beginPlan(database: Database, id: string) {
  const em = database.em.fork();
  await em.begin();
  await em.execute(UPSERT_PLAN, [id, planLimits(1)]);
  return em;
}

describe('the change feed', () => {
  it('returns each change once, in whatever order transactions commit and however long they stay open', async ({
    database,
    query,
  }) => {
    const start = await readPosition(query);
    const early = await beginPlan(database, 'early');
    const late = await beginPlan(database, 'late');
    await late.commit();
    const first = await readIds(query, start);
    expect(first.ids).toEqual(['late']);
    await query(UPSERT_PLAN, ['between', planLimits(1)]);
    const second = await readIds(query, first.position);
    expect(second.ids).toEqual(['between']);
    await early.commit();
    const third = await readIds(query, second.position);
    expect(third.ids).toEqual(['early']);
    expect((await readIds(query, third.position)).ids).toEqual([]);
  });

  it('returns nothing of a transaction that rolls back', async ({ database, query }) => {
    const start = await readPosition(query);
    await (await beginPlan(database, 'never')).rollback();
    expect((await readIds(query, start)).ids).toEqual([]);
  });

  it('reads no more rows while a transaction stays open: it skips what was read before', async ({
    database,
    query,
  }) => {
    const held = await beginPlan(database, 'held');
    const before = await readPosition(query);
    await query(
      `insert into catalog_change (entity, entity_id) select 'api_key', i::text from generate_series(1, 30000) i`,
      [],
    );
    await query('analyze catalog_change', []);
    const seen = await readPosition(query);
    await query(UPSERT_PLAN, ['later', planLimits(1)]);
    const em = database.em.fork();
    await em.begin();
    const changes = await readChanges((sql, parameters) => em.execute(sql, [...parameters]), seen);
    const reads = await em.execute(
      `select seq_tup_read + coalesce(idx_tup_fetch, 0) as rows from pg_stat_xact_user_tables where relname = 'catalog_change'`,
    );
    await em.rollback();
    expect(changes.entries.map(({ id }) => id)).toEqual(['later']);
    expect(Number(reads[0]?.rows)).toBeLessThan(10);
    expect((await readChanges(query, before)).reloadReason).toMatch(/too many changes/);
    await held.commit();
    expect((await readChanges(query, seen)).entries.map(({ id }) => id).sort()).toEqual(['held', 'later']);
  });

  it('loses transactions that ended long ago when it is pruned, but not one that just became visible', async ({
    database,
    query,
  }) => {
    const remaining = async () => {
      const rows = await query('select distinct entity_id as id from catalog_change order by 1', []);
      return (rows as { id: string }[]).map(({ id }) => id);
    };
    const pruner = new FeedPruner();
    const open = await beginPlan(database, 'open');
    await query(UPSERT_PLAN, ['old', planLimits(1)]);
    await pruner.prune(query, 0);
    await query(UPSERT_PLAN, ['new', planLimits(1)]);
    await open.commit();
    await pruner.prune(query, MIN_CHANGE_RETENTION_MS - 1);
    expect(await remaining()).toEqual(['fast', 'new', 'old', 'open', 'slow']);
    // `old` stays too: it is younger than the open transaction, which held back the mark.
    await pruner.prune(query, MIN_CHANGE_RETENTION_MS);
    expect(await remaining()).toEqual(['new', 'old', 'open']);
    await pruner.prune(query, 3 * MIN_CHANGE_RETENTION_MS);
    expect(await remaining()).toEqual([]);
  });

  it('brings every change of many writers, with open transactions and commits out of order', async ({
    database,
    query,
    readConsistently,
    account,
    catalog,
  }) => {
    const isSeen = (id: string, expiresAt: number) => waitUntil(() => catalog.key(id)?.expiresAt === expiresAt);
    await runManyWriters({ database, query, account }, isSeen, () => expect(catalog.plan('held')).toBeUndefined());
    await expect.poll(() => catalog.plan('held')?.limits, { timeout: 20_000 }).toMatchObject([{ requests: 3 }]);
    await readConsistently(async (readTables) => {
      for await (const page of readSnapshot(readTables)) {
        for (const { entity, id, record } of page) {
          if (entity !== 'api_key') continue;
          expect(catalog.key(id)?.expiresAt ?? null).toBe(record?.expiresAt);
        }
      }
    });
  });
});
