import { type EntityName, type FilterQuery, type QueryOrderMap, raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { ListFilter } from './list-filter.ts';
import type { Page } from './paging.ts';
import type { SqlCondition } from './search.ts';

/** Rows of the list that are tested first, for each row of a page. */
const FIRST_TESTED_ROWS_PER_ROW = 10;
/** Rows that are tested next, if the filter has matched enough of the first. */
const TESTED_ROWS_PER_ROW = 200;
const MAX_TESTED_ROWS = 50_000;
/** Size of a large table. */
const TABLE_ROWS = 1_000_000;

/** Parallel processes and compiled expressions take longer to start than most pages. Until the transaction ends. */
const QUICK_PLANS = `
  select set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)`;
/**
 * Makes Postgres read bitmaps of the indexes of the filter, and combine several of them. All other plans could test most rows.
 */
const PLANS_WITH_BITMAPS = `
  select set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true),
    set_config('cpu_tuple_cost', '0.1', true)`;

/** The id, which orders the list. Postgres cannot use the index of the id for the second expression. */
const INDEXED_ID = 'id';
const UNINDEXED_ID = `id || ''`;

/** A list whose rows are in the order of their ids. */
interface List<Row extends { readonly id: string }> {
  readonly table: 'account' | 'api_key';
  readonly entity: EntityName<Row>;
  readonly filter: ListFilter<FilterQuery<Row>>;
  /** A condition in addition to the filter, such as that a row is not deleted. */
  readonly visible: FilterQuery<Row>;
  readonly page: Page;
}

/**
 * Finds the rows of a page, and one more if there is a next page. Left to itself, Postgres tests all rows of the list for some
 * rare filters, and reads and sorts all rows of some frequent ones: it cannot estimate how many rows meet a search, or two
 * conditions at once. Either takes seconds for a million rows. So the first rows of the list say how frequent the filter is.
 */
export async function findPage<Row extends { readonly id: string }>(
  em: EntityManager,
  list: List<Row>,
): Promise<Row[]> {
  const { isPredictable, searches } = list.filter;
  if (isPredictable) return find(em, list, [], INDEXED_ID);
  return em.transactional(async (transaction) => {
    await transaction.execute(QUICK_PLANS);
    const limit = list.page.size + 1;
    const first = await testRows(transaction, list, FIRST_TESTED_ROWS_PER_ROW * limit);
    if (first.isPage) return first.rows;
    const share = first.rows.length / (FIRST_TESTED_ROWS_PER_ROW * limit);
    // A page is among limit / share rows of the list. The indexes of the filter find share * TABLE_ROWS rows.
    if (limit <= share ** 2 * TABLE_ROWS) {
      const more = await testRows(transaction, list, Math.min(TESTED_ROWS_PER_ROW * limit, MAX_TESTED_ROWS));
      if (more.isPage) return more.rows;
    }
    await transaction.execute(PLANS_WITH_BITMAPS);
    const indexed = searches.map((search) => search.indexed);
    return find(transaction, list, indexed, UNINDEXED_ID);
  });
}

/** Finds the rows of a page among `count` rows of the list. `isPage`: the page has no others. */
async function testRows<Row extends { readonly id: string }>(
  em: EntityManager,
  list: List<Row>,
  count: number,
): Promise<{ readonly rows: Row[]; readonly isPage: boolean }> {
  const last = await findLastTested(em, list, count);
  const end = last === undefined ? [] : [{ sql: 'id <= ?', parameters: [last] }];
  const tested = list.filter.searches.map((search) => search.tested);
  const rows = await find(em, list, [...tested, ...end], INDEXED_ID);
  return { rows, isPage: last === undefined || rows.length > list.page.size };
}

function find<Row extends { readonly id: string }>(
  em: EntityManager,
  { entity, filter: { conditions }, visible, page }: List<Row>,
  searches: readonly SqlCondition[],
  id: typeof INDEXED_ID | typeof UNINDEXED_ID,
): Promise<Row[]> {
  const after = { sql: `${id} > ?`, parameters: [page.after] };
  const texts = [after, ...searches].map(({ sql, parameters }) => ({ [raw(sql, [...parameters])]: [] }));
  // The compiler does not know SQL as a condition or an order of rows of any kind.
  const where = { $and: [visible, ...conditions, ...texts] } as FilterQuery<Row>;
  const orderBy = { [raw(id)]: 'asc' } as QueryOrderMap<Row>;
  return em.find(entity, where, { orderBy, limit: page.size + 1 });
}

/** The id of the last of `count` rows of the list, from the beginning of the page; undefined: the list has fewer rows. */
async function findLastTested<Row extends { readonly id: string }>(
  em: EntityManager,
  { table, page }: List<Row>,
  count: number,
): Promise<string | undefined> {
  const sql = `select id from ${table} where id > ? order by id offset ${count - 1} limit 1`;
  const [row] = await em.execute<{ id: string }[]>(sql, [page.after]);
  return row?.id;
}
