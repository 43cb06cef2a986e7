import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startCatalogReplica } from '../../src/catalog/feed/replica.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { waitUntil } from '../support/wait-until.ts';
import { digest, test } from './fixtures.ts';
import { runManyWriters } from './many-writers.ts';

const KEYS = 20_000;
const CHANGES_PER_SECOND = 1_000;
const BATCH = 25;
const SECONDS = 5;
const WITHIN_MS = 1_000;

const log = { info: () => {}, warn: console.warn, error: console.error };
const ids = Array.from({ length: KEYS }, () => randomUUID());

const it = test
  /** Catalogs of two nodes, each with its own connection pool. */
  .extend('nodes', async ({ databaseUrl, query, readConsistently, account }, { onCleanup }) => {
    await query(
      `insert into api_key (id, digest, hint, counter_id, display_name, account_id, disabled, create_time, update_time)
       select id, sha256(convert_to(id, 'UTF8')), '', id, '', ?, false, now(), now()
       from json_array_elements_text(?::json) as id`,
      [account, JSON.stringify(ids)],
    );
    const databases = await Promise.all([1, 2].map(() => openDatabase({ url: databaseUrl })));
    const catalogs = await Promise.all(
      databases.map((database) => startCatalogReplica({ query: createQuery(database), readConsistently, digest, log })),
    );
    onCleanup(async () => {
      for (const catalog of catalogs) await catalog.stop();
      for (const database of databases) await database.close(true);
    });
    return catalogs;
  });

/** Changes the second half of the keys until it is stopped, as fast as the constant says and Postgres allows. */
async function changeKeys(query: Query, isOver: () => boolean): Promise<number> {
  const start = performance.now();
  let changes = 0;
  while (!isOver()) {
    const batch = Array.from({ length: BATCH }, (_, index) => ids[KEYS / 2 + ((changes + index) % (KEYS / 2))]);
    await query(
      `update api_key set expire_time = now() + ? * interval '1 second' where id in (select json_array_elements_text(?::json))`,
      [10_000 + changes, JSON.stringify(batch)],
    );
    changes += BATCH;
    await sleep(Math.max(0, start + (changes * 1000) / CHANGES_PER_SECOND - performance.now()));
  }
  return changes;
}

describe('within a second, every node sees', () => {
  it('a revoked key, with a thousand changes per second and a transaction that stays open', async ({
    database,
    query,
    nodes,
  }) => {
    const held = database.em.fork();
    await held.begin();
    await held.execute(`update api_key set disabled = true where id = ?`, [ids[0]]);
    let isOver = false;
    const changing = changeKeys(query, () => isOver);
    const latencies: number[] = [];
    const end = performance.now() + SECONDS * 1000;
    for (let next = 1; performance.now() < end; next++) {
      const id = ids[next] ?? '';
      await query('update api_key set disabled = true where id = ?', [id]);
      const revokedAt = performance.now();
      await waitUntil(() => nodes.every((catalog) => catalog.keyBySecret(id)?.disabled === true));
      latencies.push(performance.now() - revokedAt);
    }
    isOver = true;
    const changes = await changing;
    expect(Math.max(...latencies)).toBeLessThan(WITHIN_MS);
    expect(latencies.length).toBeGreaterThan(SECONDS);
    // At least half the intended rate, whatever else the machine does.
    expect(changes).toBeGreaterThan((SECONDS * CHANGES_PER_SECOND) / 2);
    for (const catalog of nodes) expect(catalog.key(ids[0] ?? '')?.disabled).toBe(false);
    await held.commit();
    for (const catalog of nodes) await expect.poll(() => catalog.key(ids[0] ?? '')?.disabled).toBe(true);
  });

  it('each change of many writers, with open transactions and commits out of order', async ({
    database,
    query,
    account,
    catalog,
  }) => {
    let slowestMs = 0;
    const measure = async (id: string, expiresAt: number) => {
      const committedAt = performance.now();
      await waitUntil(() => catalog.key(id)?.expiresAt === expiresAt);
      slowestMs = Math.max(slowestMs, performance.now() - committedAt);
    };
    await runManyWriters({ database, query, account }, measure, () => {});
    expect(slowestMs).toBeLessThan(WITHIN_MS);
  });
});
