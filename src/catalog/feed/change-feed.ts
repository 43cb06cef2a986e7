import type { Query } from '../../interfaces/query.ts';
import type { CatalogEntity, CatalogEntry } from './catalog-rows.ts';
import { CATALOG_TABLES, LIVE_ROWS, selectColumns } from './catalog-tables.ts';

/** How far the feed has been read. */
export interface FeedPosition {
  /** The transactions that the last statement saw, as a pg_snapshot. */
  readonly snapshot: string;
  /** Identifies the history of the database. In another history the same transaction ids mean other transactions. */
  readonly epoch: string;
}

/** With more changes than this, the whole catalog is reloaded instead: that goes page by page, so it blocks nobody. */
export const MAX_CHANGES_PER_READ = 20_000;

/**
 * SQL expression that identifies the history of the database:
 *
 * - The system identifier distinguishes clusters.
 * - The timeline distinguishes those that were promoted or recovered from a backup.
 * - The start time changes with each start of Postgres, because files that were put back while it was stopped carry no
 *   mark of their own.
 * - The object id of a table changes if it was restored or rebuilt, and its file if it was truncated
 *   (pg_class, https://www.postgresql.org/docs/current/catalog-pg-class.html).
 */
const EPOCH = `concat_ws(':',
  (select system_identifier from pg_control_system()),
  case when pg_is_in_recovery() then 'standby' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
  extract(epoch from pg_postmaster_start_time()),
  (select string_agg(oid || '/' || relfilenode, ',' order by oid) from pg_class
   where oid in (${[...CATALOG_TABLES, 'catalog_change'].map((table) => `'${table}'::regclass`).join(', ')})))`;

/** Reads the current position of the feed. A snapshot of the catalog that is read from now on is at least as new. */
export async function readPosition(query: Query): Promise<FeedPosition> {
  const sql = `select pg_current_snapshot()::text as snapshot, ${EPOCH} as epoch`;
  const [position] = (await query(sql, [])) as FeedPosition[];
  if (position === undefined) throw new Error('Postgres returned no snapshot');
  return position;
}

/**
 * Reads the changes of transactions that a position did not see.
 *
 * Row numbers do not work as a position: they do not follow the order of commits, and a transaction may stay open for
 * long. So the position is the set of transactions that were seen. The ones that have committed since are exactly those
 * that are visible now and were not then: the later ones, and those that were in progress. They are looked up by
 * transaction id, so changes that were seen already cost nothing, however long some transaction stays open.
 *
 * One statement reads the changes, the current state of the entities and the next position, so all of them belong to
 * the same moment. Rows of a restored feed may have transaction ids of the future; they belong to another history.
 */
function buildReadChanges(tables: readonly CatalogEntity[]): string {
  const entities = tables.map((table) => `'${table}'`).join(', ');
  return `
  with row as materialized (
    (select entity, entity_id from catalog_change
     where transaction_id >= pg_snapshot_xmax(?::pg_snapshot)
       and transaction_id < pg_snapshot_xmax(pg_current_snapshot()) and entity in (${entities})
     limit ?::int + 1)
    union all
    (select entity, entity_id from catalog_change
     where transaction_id = any (array(select pg_snapshot_xip(?::pg_snapshot))) and entity in (${entities})
     limit ?::int + 1)
  ),
  head as materialized (
    select ${EPOCH} as epoch, pg_current_snapshot() as snapshot, (select count(*) from row) > ?::int as many
  ),
  changed as materialized (select distinct entity, entity_id from row where not (select many from head))
  select 'position' as entity, head.snapshot::text as id,
    jsonb_build_object('epoch', head.epoch, 'reloadReason', case
      when head.epoch <> ?::text or pg_snapshot_xmax(head.snapshot) < pg_snapshot_xmax(?::pg_snapshot)
      then 'the database was restored, truncated, promoted or restarted'
      when head.many then 'there are too many changes to read at once'
    end) as record
  from head
  ${tables
    .map(
      (table) => `
      union all
      select entity, entity_id, (
        select row_to_json(record)::jsonb
        from (select ${selectColumns(table)} from ${table} where id = entity_id and ${LIVE_ROWS[table]}) record)
      from changed where entity = '${table}'`,
    )
    .join('')}`;
}

/** The row that the statement selects in addition to the changed entities. */
interface PositionRow {
  readonly entity: 'position';
  /** The snapshot. */
  readonly id: string;
  readonly record: { readonly epoch: string; readonly reloadReason: string | null };
}

export interface Changes {
  readonly entries: readonly CatalogEntry[];
  readonly position: FeedPosition;
  /** Why the entries are not all changes, so the whole catalog must be reloaded. null: they are. */
  readonly reloadReason: string | null;
}

/**
 * Reads the changes of some tables since a position. With more than about `maxChanges`, it reads none and asks for a
 * reload.
 */
export async function readChanges(
  query: Query,
  since: FeedPosition,
  tables: readonly CatalogEntity[] = CATALOG_TABLES,
  maxChanges = MAX_CHANGES_PER_READ,
): Promise<Changes> {
  const { snapshot, epoch } = since;
  const parameters = [snapshot, maxChanges, snapshot, maxChanges, maxChanges, epoch, snapshot];
  // The cast holds because the statement selects these rows.
  const rows = (await query(buildReadChanges(tables), parameters)) as (CatalogEntry | PositionRow)[];
  const head = rows.find((row) => row.entity === 'position');
  if (head === undefined) throw new Error('Postgres returned no position of the change feed');
  const entries = rows.filter((row) => row.entity !== 'position');
  const { reloadReason } = head.record;
  return { entries, position: { snapshot: head.id, epoch: head.record.epoch }, reloadReason };
}
