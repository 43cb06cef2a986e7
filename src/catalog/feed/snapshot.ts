import type { Query } from '../../interfaces/query.ts';
import type { CatalogEntry } from './catalog-rows.ts';
import { columnsOf, LIVE, TABLES } from './catalog-tables.ts';

/** Rows at a time: few, as a page is taken in without a pause. */
const PAGE = 1_000;

/**
 * All entities, in pages of a bounded size. The pages are read one after the other, so together they are no one state:
 * whoever reads them begins to follow the feed at a position taken before.
 */
export async function* readAll(query: Query): AsyncGenerator<Iterable<CatalogEntry>> {
  for (const table of TABLES) {
    let page = await readPage(query, table, '');
    while (page.last !== null) {
      const next = readPage(query, table, page.last); // under way while this one is taken in
      next.catch(() => {}); // whoever takes pages in may have stopped by then
      yield entriesOf(table, page.lines);
      page = await next;
    }
  }
}

interface Page {
  /** A row as JSON in each. */
  readonly lines: string;
  /** The highest id; null: there are no more rows. */
  readonly last: string | null;
}

/**
 * As one text, of which rows are parsed one at a time: a million rows as objects, a thousand at a time, would leave more
 * garbage in V8's heap than the catalog takes.
 */
async function readPage(query: Query, table: CatalogEntry['entity'], after: string): Promise<Page> {
  const sql = `
    select string_agg(row_to_json(page)::text, E'\\n') as lines, max(id) as last
    from (select id, ${columnsOf(table)} from ${table} where id > ? and ${LIVE[table]} order by id limit ${PAGE}) page`;
  const [page] = (await query(sql, [after])) as Page[];
  if (page === undefined) throw new Error('Postgres gave no page of the catalog');
  return page;
}

function* entriesOf(entity: CatalogEntry['entity'], lines: string): Generator<CatalogEntry> {
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf('\n', start);
    const end = newline < 0 ? lines.length : newline;
    const record = JSON.parse(lines.slice(start, end));
    yield { entity, id: record.id, record };
    start = end + 1;
  }
}
