import type { Query } from '../../src/interfaces/query.ts';

/**
 * The number of rows of a table that were read so far, by scans and by indexes. A connection reports with a delay of up to
 * one second, so the rows of several calls may be counted at once.
 */
export async function rowsRead(query: Query, table: string): Promise<number> {
  await query('select pg_stat_force_next_flush()', []);
  const sql = `select (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_user_tables where relname = ?`;
  const [row] = (await query(sql, [table])) as { rows: number }[];
  return row?.rows ?? Number.NaN;
}
