import { randomUUID } from 'node:crypto';
import { test as base } from 'vitest';
import { startCatalogReplica } from '../../src/catalog/feed/replica.ts';
import { createConsistentReader } from '../../src/database/open-connection.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import { createApiKeyDigester } from '../../src/identity/secrets/api-key-secret.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { newDatabase } from '../support/databases.ts';

export const digest = createApiKeyDigester('');

/** Limits of a plan as its row holds them. */
export function planLimits(requests: number): string {
  return JSON.stringify([{ name: 'all', requests, window: '1m', algorithm: 'sliding_window' }]);
}

/** Creates a plan or replaces its limits: parameters id and limits. */
export const UPSERT_PLAN = `insert into plan (id, display_name, limits, create_time, update_time)
  values (?, '', ?, now(), now()) on conflict (id) do update set limits = excluded.limits`;

export async function insertAccount(query: Query, planId: string): Promise<string> {
  const id = randomUUID();
  await query(
    `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
     values (?, ?, '', 'user', ?, now(), now())`,
    [id, id, planId],
  );
  return id;
}

/** Without a plan the key is on the plan of its account. */
export async function insertKey(
  query: Query,
  secret: string,
  accountId: string,
  planId: string | null = null,
): Promise<string> {
  const id = randomUUID();
  await query(
    `insert into api_key (id, digest, hint, counter_id, display_name, account_id, plan_id, disabled, create_time, update_time)
     values (?, ?, '', ?, '', ?, ?, false, now(), now())`,
    [id, Buffer.from(digest(secret), 'hex'), id, accountId, planId],
  );
  return id;
}

/** Each test gets its own database, with the plans `slow` and `fast`, and a catalog that follows it. */
export const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('databaseUrl', ({}) => newDatabase())
  .extend('database', async ({ databaseUrl }, { onCleanup }) => {
    const database = await openDatabase({ url: databaseUrl });
    onCleanup(() => database.close(true));
    return database;
  })
  .extend('query', async ({ database }): Promise<Query> => {
    const query = createQuery(database);
    await query(UPSERT_PLAN, ['slow', planLimits(1)]);
    await query(UPSERT_PLAN, ['fast', planLimits(100)]);
    return query;
  })
  /** Id of an account on the plan `slow`. */
  .extend('account', ({ query }) => insertAccount(query, 'slow'))
  /** Messages that the catalog logged. */
  .extend('lines', (): string[] => [])
  .extend('log', ({ lines }) => {
    const line = (_: object, message: string) => void lines.push(message);
    return { info: line, warn: line, error: line };
  })
  .extend('readConsistently', ({ databaseUrl }) => createConsistentReader({ url: databaseUrl, timeoutMs: 5_000 }))
  .extend('catalog', async ({ query, readConsistently, log }, { onCleanup }) => {
    const catalog = await startCatalogReplica({ query, readConsistently, digest, log });
    onCleanup(() => catalog.stop());
    return catalog;
  });
