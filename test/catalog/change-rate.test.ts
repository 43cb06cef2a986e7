import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningCatalog, startCatalog } from '../../src/catalog/feed/replica.ts';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import { apiKeyDigest } from '../../src/identity/secrets/api-key-secret.ts';
import { newDatabase } from '../support/databases.ts';

const KEYS = 20_000;
const CHANGES_PER_SECOND = 1_000;
const BATCH = 25;
const SECONDS = 5;
const WITHIN_MS = 1_000;

const digest = apiKeyDigest('');
const log = { info: () => {}, warn: console.warn, error: console.error };
const ids = Array.from({ length: KEYS }, () => randomUUID());

let writing: Database;
/** Each with a database of its own, as nodes have. */
const nodes: { readonly database: Database; readonly catalog: RunningCatalog }[] = [];

beforeAll(async () => {
  const url = await newDatabase();
  writing = await openDatabase({ url });
  const query = createQuery(writing);
  await query(
    `insert into plan (id, display_name, limits, create_time, update_time) values ('free', '', '[]', now(), now())`,
    [],
  );
  await query(
    `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
     values ('account', '', '', 'user', 'free', now(), now())`,
    [],
  );
  await query(
    `insert into api_key (id, digest, hint, counter_id, display_name, account_id, disabled, create_time, update_time)
     select id, sha256(convert_to(id, 'UTF8')), '', id, '', 'account', false, now(), now()
     from json_array_elements_text(?::json) as id`,
    [JSON.stringify(ids)],
  );
  for (let node = 0; node < 2; node++) {
    const database = await openDatabase({ url });
    nodes.push({ database, catalog: await startCatalog({ query: createQuery(database), digest, log }) });
  }
});
afterAll(async () => {
  for (const { database, catalog } of nodes) {
    await catalog.stop();
    await database.close(true);
  }
  await writing.close(true);
});

/** Changes other keys, at its rate for as long as Postgres keeps up, until it is stopped. */
async function pourIn(isOver: () => boolean): Promise<number> {
  const began = performance.now();
  let changes = 0;
  while (!isOver()) {
    const batch = Array.from({ length: BATCH }, (_, index) => ids[KEYS / 2 + ((changes + index) % (KEYS / 2))]);
    await createQuery(writing)(
      `update api_key set expire_time = now() + ? * interval '1 second' where id in (select json_array_elements_text(?::json))`,
      [10_000 + changes, JSON.stringify(batch)],
    );
    changes += BATCH;
    await sleep(Math.max(0, began + (changes * 1000) / CHANGES_PER_SECOND - performance.now()));
  }
  return changes;
}

test('a revoked key counts on every node within a second while a thousand changes a second pour in and a transaction stays open', async () => {
  const held = writing.em.fork();
  await held.begin();
  await held.execute(`update api_key set disabled = true where id = ?`, [ids[0]]);
  let isOver = false;
  const pouring = pourIn(() => isOver);
  const slowest: number[] = [];
  const ends = performance.now() + SECONDS * 1000;
  for (let next = 1; performance.now() < ends; next++) {
    const id = ids[next] ?? '';
    await createQuery(writing)('update api_key set disabled = true where id = ?', [id]);
    const revokedAt = performance.now();
    const isRevoked = ({ catalog }: { catalog: RunningCatalog }) => catalog.keyBySecret(id)?.disabled === true;
    while (!nodes.every(isRevoked) && performance.now() - revokedAt < 10_000) await sleep(5);
    slowest.push(performance.now() - revokedAt);
  }
  isOver = true;
  const changes = await pouring;
  expect(Math.max(...slowest)).toBeLessThan(WITHIN_MS);
  expect(slowest.length).toBeGreaterThan(SECONDS);
  // Not at a trickle: at half the rate at least, whatever else the machine does.
  expect(changes).toBeGreaterThan((SECONDS * CHANGES_PER_SECOND) / 2);
  for (const { catalog } of nodes) expect(catalog.key(ids[0] ?? '')?.disabled).toBe(false);
  await held.commit();
  for (const { catalog } of nodes) await expect.poll(() => catalog.key(ids[0] ?? '')?.disabled).toBe(true);
});
