import type { Query } from '../../interfaces/query.ts';
import type { CatalogEntity, CatalogEntry } from './catalog-rows.ts';
import { CATALOG_TABLES, LIVE_ROWS, listColumns } from './catalog-tables.ts';

/** About 900 API keys. Small, because decisions wait while a page is parsed and because all of it is in memory. */
const BLOCKS_PER_PAGE = 32;

/**
 * Reads all entities of some tables, page by page. All statements of `query` must see the same state of the database
 * (`ReadConsistently`): pages are ranges of blocks, and an update moves a row to another block.
 */
export async function* readSnapshot(
  query: Query,
  tables: readonly CatalogEntity[] = CATALOG_TABLES,
): AsyncGenerator<Iterable<CatalogEntry>> {
  for (const table of tables) {
    let page = await readPage(query, table, 0);
    for (let block = BLOCKS_PER_PAGE; block < page.blocks; block += BLOCKS_PER_PAGE) {
      const next = readPage(query, table, block); // in progress while the consumer applies this page
      next.catch(() => {}); // the consumer may stop before it gets there
      yield parseEntries(table, page.lines);
      page = await next;
    }
    yield parseEntries(table, page.lines);
  }
}

interface Page {
  /** One row in each line: a JSON array of its id and its fields. */
  readonly lines: string;
  /** Blocks of the whole table. */
  readonly blocks: number;
}

/**
 * Reads the rows of the blocks from `block` on, in the order in which they are stored: in the order of their ids, Postgres
 * would take four times as long for a large table. Arrays are shorter than objects, so both sides have less to do.
 *
 * The page is one text whose rows are parsed one at a time. A million rows as objects, a thousand at a time, would leave
 * more garbage in V8's heap than the catalog takes.
 */
async function readPage(query: Query, table: CatalogEntity, block: number): Promise<Page> {
  const columns = listColumns(table).map(({ expression }) => expression);
  const sql = `
    select coalesce(string_agg(json_build_array(id, ${columns.join(', ')})::text, E'\\n'), '') as lines,
      (pg_relation_size('${table}') / current_setting('block_size')::int)::int as blocks
    from ${table} where ctid >= ?::tid and ctid < ?::tid and ${LIVE_ROWS[table]}`;
  const [page] = (await query(sql, [`(${block},0)`, `(${block + BLOCKS_PER_PAGE},0)`])) as Page[];
  if (page === undefined) throw new Error('Postgres returned no page of the catalog');
  return page;
}

function* parseEntries(entity: CatalogEntity, lines: string): Generator<CatalogEntry> {
  const fields = listColumns(entity).map(({ field }) => field);
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf('\n', start);
    const end = newline < 0 ? lines.length : newline;
    const values = JSON.parse(lines.slice(start, end)) as [string, ...unknown[]];
    const record: Record<string, unknown> = {};
    fields.forEach((field, index) => {
      record[field] = values[index + 1];
    });
    yield { entity, id: values[0], record } as unknown as CatalogEntry; // readPage selects this entity's columns
    start = end + 1;
  }
}
