import type { Query } from '../../interfaces/query.ts';
import type { CatalogEntity, CatalogEntry, RowOf } from './catalog-rows.ts';
import { CATALOG_TABLES, LIVE_ROWS, selectColumns } from './catalog-tables.ts';

/** Small, because decisions wait while a page is applied. */
const ROWS_PER_PAGE = 1_000;

/**
 * Reads all entities of some tables, page by page. The pages are read one after another, so together they are not one consistent
 * state. The reader must afterwards apply the changes since a position that it read before.
 */
export async function* readSnapshot(
  query: Query,
  tables: readonly CatalogEntity[] = CATALOG_TABLES,
): AsyncGenerator<Iterable<CatalogEntry>> {
  for (const table of tables) {
    let page = await readPage(query, table, '');
    while (page.last !== null) {
      const next = readPage(query, table, page.last); // in progress while the consumer applies this page
      next.catch(() => {}); // the consumer may stop before it gets there
      yield parseEntries(table, page.lines);
      page = await next;
    }
  }
}

interface Page {
  /** One row as JSON in each line. */
  readonly lines: string;
  /** The highest id of the page; null: there are no more rows. */
  readonly last: string | null;
}

/**
 * Reads a page as one text whose rows are parsed one at a time. A million rows as objects, a thousand at a time, would
 * leave more garbage in V8's heap than the catalog takes.
 */
async function readPage(query: Query, table: CatalogEntity, after: string): Promise<Page> {
  const sql = `
    select string_agg(row_to_json(page)::text, E'\\n') as lines, max(id) as last
    from (select id, ${selectColumns(table)} from ${table} where id > ? and ${LIVE_ROWS[table]}
      order by id limit ${ROWS_PER_PAGE}) page`;
  const [page] = (await query(sql, [after])) as Page[];
  if (page === undefined) throw new Error('Postgres returned no page of the catalog');
  return page;
}

function* parseEntries(entity: CatalogEntity, lines: string): Generator<CatalogEntry> {
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf('\n', start);
    const end = newline < 0 ? lines.length : newline;
    const record = JSON.parse(lines.slice(start, end)) as RowOf<CatalogEntity> & { readonly id: string };
    yield { entity, id: record.id, record } as CatalogEntry; // readPage selects the columns of this entity's row type
    start = end + 1;
  }
}
