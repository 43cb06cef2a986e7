import { describe, expect } from 'vitest';
import { readChanges, readPosition } from '../../src/catalog/feed/change-feed.ts';
import { startCatalogReplica } from '../../src/catalog/feed/replica.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { digest, insertKey, test } from './fixtures.ts';

const SOON = { timeout: 20_000 };

const it = test
  /** A test sets `fails` to make queries of the catalog fail. */
  .extend('outage', (): { fails?: (sql: string) => boolean } => ({}))
  /** Starts with the key `kept`. */
  .override('catalog', async ({ query, readConsistently, account, outage, log }, { onCleanup }) => {
    await insertKey(query, 'kept', account);
    const failing =
      (original: Query): Query =>
      (sql, parameters) =>
        outage.fails?.(sql) === true ? Promise.reject(new Error('connect ECONNREFUSED')) : original(sql, parameters);
    const catalog = await startCatalogReplica({
      query: failing(query),
      readConsistently: (read) => readConsistently((original) => read(failing(original))),
      digest,
      log,
    });
    onCleanup(() => catalog.stop());
    return catalog;
  });

/** Executes a statement that leaves no trace in the change feed, as a restore does. */
async function executeUnnoticed(query: Query, sql: string, parameters: readonly unknown[] = []): Promise<void> {
  await query('alter table api_key disable trigger api_key_change', []);
  await query(sql, parameters);
  await query('alter table api_key enable trigger api_key_change', []);
}

describe('the catalog reloads', () => {
  it('when restored tables take the place of the present ones', async ({ catalog, query, account, lines }) => {
    const isKnown = (secret: string) => catalog.keyBySecret(secret) !== undefined;
    await query('create table backup (like api_key including all)', []);
    await query('insert into backup select * from api_key', []);
    await insertKey(query, 'later', account);
    await expect.poll(() => isKnown('later'), SOON).toBe(true);
    await query('begin; alter table api_key rename to lost; alter table backup rename to api_key; commit', []);
    await expect.poll(() => isKnown('later'), SOON).toBe(false);
    expect(isKnown('kept')).toBe(true);
    expect(lines).toEqual(['the catalog must be reloaded', 'catalog reloaded']);
  });

  it('when a table is truncated, or filled without its triggers', async ({ catalog, query, account }) => {
    const isKnown = (secret: string) => catalog.keyBySecret(secret) !== undefined;
    await query('create table backup as select * from api_key', []);
    await insertKey(query, 'later', account);
    await expect.poll(() => isKnown('later'), SOON).toBe(true);
    await executeUnnoticed(query, 'truncate api_key cascade');
    await expect.poll(() => isKnown('kept'), SOON).toBe(false);
    await executeUnnoticed(query, 'insert into api_key select * from backup; truncate catalog_change');
    await expect.poll(() => isKnown('kept'), SOON).toBe(true);
    expect(isKnown('later')).toBe(false);
  });

  it('when the database is set back to lower transaction numbers', async ({ query }) => {
    const position = await readPosition(query);
    expect((await readChanges(query, position)).reloadReason).toBeNull();
    const later = { ...position, snapshot: '900000000:900000000:' };
    expect((await readChanges(query, later)).reloadReason).toMatch(/^the database was restored/);
  });

  it('when more changes than one read may return', async ({ catalog, query, account, lines }) => {
    await query(
      `insert into catalog_change (entity, entity_id) select 'api_key', i::text from generate_series(1, 30000) i`,
      [],
    );
    await expect.poll(() => lines, SOON).toContain('catalog reloaded');
    await insertKey(query, 'later', account);
    await expect.poll(() => catalog.keyBySecret('later'), SOON).toBeDefined();
  });

  it('until it succeeds; meanwhile it follows changes and is stale', async ({
    catalog,
    query,
    account,
    lines,
    outage,
  }) => {
    const isKnown = (secret: string) => catalog.keyBySecret(secret) !== undefined;
    const gone = await insertKey(query, 'gone', account);
    const disabled = await insertKey(query, 'disabled', account);
    await expect.poll(() => ['gone', 'disabled'].map(isKnown), SOON).toEqual([true, true]);
    outage.fails = (sql) => sql.includes('from api_key where ctid >= ');
    await executeUnnoticed(query, 'delete from api_key where id = ?', [gone]);
    await query('truncate catalog_change', []);
    await expect.poll(() => lines, SOON).toContain('catalog reload failed; trying again');
    await query('update api_key set disabled = true where id = ?', [disabled]);
    await expect.poll(() => catalog.key(disabled)?.disabled, SOON).toBe(true);
    expect(isKnown('gone')).toBe(true);
    const { staleness } = catalog;
    await catalog.refresh();
    expect(catalog.staleness).toBeGreaterThan(staleness);
    delete outage.fails;
    await expect.poll(() => isKnown('gone'), SOON).toBe(false);
    expect(catalog.key(disabled)?.disabled).toBe(true);
    await catalog.refresh();
    expect(catalog.staleness).toBeLessThan(staleness);
  });
});

describe('a restored change feed with future transaction numbers', () => {
  it('is read only once', async ({ query }) => {
    await query(
      `insert into catalog_change (entity, entity_id, transaction_id) values ('api_key', 'x', '900000000'::xid8)`,
      [],
    );
    const { position } = await readChanges(query, await readPosition(query));
    expect((await readChanges(query, position)).entries).toEqual([]);
  });
});
