import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { currentPosition, readChanges } from '../../src/catalog/feed/change-feed.ts';
import { type RunningCatalog, startCatalog } from '../../src/catalog/feed/replica.ts';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import { apiKeyDigest } from '../../src/identity/secrets/api-key-secret.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { newDatabase } from '../support/databases.ts';

const digest = apiKeyDigest('');

let database: Database;
let query: Query;
let catalog: RunningCatalog;
let account: string;
let lines: string[];
/** Set: what the catalog asks fails so. */
let failure: ((sql: string) => boolean) | undefined;

const line = (_: object, message: string) => {
  lines.push(message);
};
const log = { info: line, warn: line, error: line };
const failing: Query = (sql, parameters) =>
  failure?.(sql) === true ? Promise.reject(new Error('connect ECONNREFUSED')) : query(sql, parameters);

async function addKey(secret: string): Promise<string> {
  const id = randomUUID();
  await query(
    `insert into api_key (id, digest, hint, counter_id, display_name, account_id, disabled, create_time, update_time)
     values (?, ?, '', ?, '', ?, false, now(), now())`,
    [id, Buffer.from(digest(secret), 'hex'), id, account],
  );
  return id;
}

/** Without a trace in the change feed, as a restore does it. */
async function unnoticed(sql: string, parameters: readonly unknown[] = []): Promise<void> {
  await query('alter table api_key disable trigger api_key_change', []);
  await query(sql, parameters);
  await query('alter table api_key enable trigger api_key_change', []);
}

beforeEach(async () => {
  lines = [];
  failure = undefined;
  database = await openDatabase({ url: await newDatabase() });
  query = createQuery(database);
  account = randomUUID();
  await query(
    `insert into plan (id, display_name, limits, create_time, update_time) values ('free', '', '[]', now(), now())`,
    [],
  );
  await query(
    `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
     values (?, ?, '', 'user', 'free', now(), now())`,
    [account, account],
  );
  await addKey('kept');
  catalog = await startCatalog({ query: failing, digest, log });
});
afterEach(async () => {
  await catalog.stop();
  await database.close(true);
});

const isKnown = (secret: string) => catalog.keyBySecret(secret) !== undefined;
const soon = { timeout: 10_000 };

describe('a catalog is loaded anew', () => {
  test('when its tables were restored beside the present ones and took their place', async () => {
    await query('create table backup (like api_key including all)', []);
    await query('insert into backup select * from api_key', []);
    await addKey('later');
    await expect.poll(() => isKnown('later'), soon).toBe(true);
    await query('begin; alter table api_key rename to lost; alter table backup rename to api_key; commit', []);
    await expect.poll(() => isKnown('later'), soon).toBe(false);
    expect(isKnown('kept')).toBe(true);
    expect(lines).toEqual(['the catalog is loaded anew', 'the catalog was loaded anew']);
  });

  test('when a table was truncated and filled past the triggers', async () => {
    await query('create table backup as select * from api_key', []);
    await addKey('later');
    await expect.poll(() => isKnown('later'), soon).toBe(true);
    await unnoticed('truncate api_key');
    await expect.poll(() => isKnown('kept'), soon).toBe(false);
    await unnoticed('insert into api_key select * from backup; truncate catalog_change');
    await expect.poll(() => isKnown('kept'), soon).toBe(true);
    expect(isKnown('later')).toBe(false);
  });

  test('when the database was set back to lower transaction numbers', async () => {
    const position = await currentPosition(query);
    expect((await readChanges(query, position)).reload).toBeNull();
    const later = { ...position, snapshot: '900000000:900000000:' };
    expect((await readChanges(query, later)).reload).toMatch(/^the database is not as it went on/);
  });

  test('when more was changed than is read at once', async () => {
    await query(
      `insert into catalog_change (entity, entity_id) select 'api_key', i::text from generate_series(1, 30000) i`,
      [],
    );
    await expect.poll(() => lines, soon).toContain('the catalog was loaded anew');
    await addKey('later');
    await expect.poll(() => isKnown('later'), soon).toBe(true);
  });

  test('until that succeeds; changes count meanwhile, and it is stale', async () => {
    const secrets = ['gone', 'disabled'];
    const [gone, disabled] = [await addKey('gone'), await addKey('disabled')];
    await expect.poll(() => secrets.map(isKnown), soon).toEqual([true, true]);
    failure = (sql) => sql.includes('from api_key where id > ');
    await unnoticed('delete from api_key where id = ?', [gone]);
    await query('truncate catalog_change', []);
    await expect.poll(() => lines, soon).toContain('the catalog could not be loaded anew; it will be tried again');
    await query('update api_key set disabled = true where id = ?', [disabled]);
    await expect.poll(() => catalog.key(disabled)?.disabled, soon).toBe(true);
    expect(isKnown('gone')).toBe(true);
    const { staleness } = catalog;
    await catalog.refresh();
    expect(catalog.staleness).toBeGreaterThan(staleness);
    failure = undefined;
    await expect.poll(() => isKnown('gone'), soon).toBe(false);
    expect(catalog.key(disabled)?.disabled).toBe(true);
    await catalog.refresh();
    expect(catalog.staleness).toBeLessThan(staleness);
  });
});

test('a feed that was restored with transaction numbers that are still to come is not read over and over', async () => {
  await query(
    `insert into catalog_change (entity, entity_id, transaction_id) values ('api_key', 'x', '900000000'::xid8)`,
    [],
  );
  const { position } = await readChanges(query, await currentPosition(query));
  expect((await readChanges(query, position)).entries).toEqual([]);
});
