import { expect } from 'vitest';
import { startCatalogReplica } from '../../src/catalog/feed/replica.ts';
import type { Query, ReadConsistently } from '../../src/interfaces/query.ts';
import { digest, test as it } from './fixtures.ts';

const KEYS = 4_000;

/** Inserts keys with a digest of their id: `first` to `last`. */
function insertKeys(query: Query, accountId: string, first: number, last: number): Promise<unknown> {
  return query(
    `insert into api_key (id, digest, hint, counter_id, display_name, account_id, disabled, create_time, update_time)
     select 'key-' || i, sha256(i::text::bytea), '', 'key-' || i, '', ?, false, now(), now()
     from generate_series(?::int, ?::int) i`,
    [accountId, first, last],
  );
}

/** Runs an action once, after the first page of API keys was read. */
function runAfterFirstPage(readConsistently: ReadConsistently, action: () => Promise<unknown>): ReadConsistently {
  let pages = 0;
  return (read) =>
    readConsistently((query) =>
      read(async (sql, parameters) => {
        const rows = await query(sql, parameters);
        if (sql.includes('from api_key where ctid >= ') && pages++ === 0) await action();
        return rows;
      }),
    );
}

it('a load finds keys that move in their table meanwhile, and those that change', async ({
  query,
  readConsistently,
  account,
  log,
}) => {
  await query('alter table api_key set (autovacuum_enabled = false)', []);
  await insertKeys(query, account, -2_000, 0);
  await insertKeys(query, account, 1, KEYS);
  await query(`delete from api_key where id like 'key--%' or id = 'key-0'`, []);
  await query('vacuum api_key', []); // the first blocks of the table are now free
  const blocks = async () => {
    const rows = await query(
      `select distinct (ctid::text::point)[0]::int as block from api_key where hint = 'new'`,
      [],
    );
    return (rows as { block: number }[]).map(({ block }) => block);
  };
  const catalog = await startCatalogReplica({
    query,
    readConsistently: runAfterFirstPage(readConsistently, async () => {
      await query(`update api_key set hint = 'new' where id like 'key-39__'`, []); // not a change of the feed
      expect(Math.min(...(await blocks()))).toBeLessThan(32);
      await query(`update api_key set disabled = true where id = 'key-3000'`, []);
      await insertKeys(query, account, KEYS + 1, KEYS + 1);
    }),
    digest,
    log,
  });
  const ids = Array.from({ length: KEYS + 1 }, (_, index) => `key-${index + 1}`);
  expect(ids.filter((id) => catalog.key(id) === undefined)).toEqual([]);
  expect(catalog.sizes.apiKeys).toBe(KEYS + 1);
  expect(catalog.key('key-3000')?.disabled).toBe(true);
  await catalog.stop();
});
