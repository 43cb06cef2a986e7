import type { Query } from '../../interfaces/query.ts';
import type { CatalogEntry } from './catalog-rows.ts';
import { columnsOf, LIVE, TABLES } from './catalog-tables.ts';

/** How far the feed was read. */
export interface FeedPosition {
  /** What the last statement saw, as pg_snapshot. */
  readonly snapshot: string;
  /** Of the database's history: in another one the same transaction numbers are other transactions. */
  readonly epoch: string;
}

/** More are not read but the catalog is loaded anew: that goes in pages, and so stops nobody. */
export const MAX_CHANGES_PER_READ = 20_000;

/**
 * Which history this is. The system identifier tells clusters apart, and the timeline those that were promoted or
 * recovered from a backup. Files that were put back while Postgres was stopped have nothing of their own to be known by,
 * so each of its starts counts. A table that was restored or rebuilt within a cluster has another object identifier, and
 * one that was truncated another file (pg_class, https://www.postgresql.org/docs/current/catalog-pg-class.html).
 */
const EPOCH = `concat_ws(':',
  (select system_identifier from pg_control_system()),
  case when pg_is_in_recovery() then 'standby' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
  extract(epoch from pg_postmaster_start_time()),
  (select string_agg(oid || '/' || relfilenode, ',' order by oid) from pg_class
   where oid in (${[...TABLES, 'catalog_change'].map((table) => `'${table}'::regclass`).join(', ')})))`;

/** Where the feed stands now: what a snapshot that is read from now on has at least. */
export async function currentPosition(query: Query): Promise<FeedPosition> {
  const sql = `select pg_current_snapshot()::text as snapshot, ${EPOCH} as epoch`;
  const [position] = (await query(sql, [])) as FeedPosition[];
  if (position === undefined) throw new Error('Postgres gave no snapshot');
  return position;
}

/**
 * What was changed by transactions that a position did not see. The number of a row is no order of commits, and a
 * transaction may stay open for long; so a reader does not remember numbers but which transactions it saw: those that
 * have committed since are exactly the ones visible now and not visible then, which is to say later ones and those that
 * were under way. They are looked up by their numbers: what was seen already costs nothing, however long some
 * transaction stays open. One statement reads the changes, the entities' current state and the next position, so that
 * they are of one moment. Rows of a restored feed may have numbers that are still to come: they are none of this history.
 */
const CHANGES = `
  with row as materialized (
    (select entity, entity_id from catalog_change
     where transaction_id >= pg_snapshot_xmax(?::pg_snapshot)
       and transaction_id < pg_snapshot_xmax(pg_current_snapshot())
     limit ?::int + 1)
    union all
    (select entity, entity_id from catalog_change
     where transaction_id = any (array(select pg_snapshot_xip(?::pg_snapshot)))
     limit ?::int + 1)
  ),
  head as materialized (
    select ${EPOCH} as epoch, pg_current_snapshot() as snapshot, (select count(*) from row) > ?::int as many
  ),
  changed as materialized (select distinct entity, entity_id from row where not (select many from head))
  select 'position' as entity, head.snapshot::text as id,
    jsonb_build_object('epoch', head.epoch, 'reload', case
      when head.epoch <> ?::text or pg_snapshot_xmax(head.snapshot) < pg_snapshot_xmax(?::pg_snapshot)
      then 'the database is not as it went on: it was restored, truncated, promoted or started again'
      when head.many then 'more has changed than is read at once'
    end) as record
  from head
  ${TABLES.map(
    (table) => `
      union all
      select entity, entity_id, (
        select row_to_json(record)::jsonb
        from (select ${columnsOf(table)} from ${table} where id = entity_id and ${LIVE[table]}) record)
      from changed where entity = '${table}'`,
  ).join('')}`;

export interface Changes {
  readonly entries: readonly CatalogEntry[];
  readonly position: FeedPosition;
  /** Why the entries are not all that has changed, and everything has to be read anew; null: they are. */
  readonly reload: string | null;
}

/** Reads at most about so many changes as are given. */
export async function readChanges(query: Query, since: FeedPosition, most = MAX_CHANGES_PER_READ): Promise<Changes> {
  interface Head {
    readonly entity: 'position';
    readonly id: string;
    readonly record: { readonly epoch: string; readonly reload: string | null };
  }
  const { snapshot } = since;
  const parameters = [snapshot, most, snapshot, most, most, since.epoch, snapshot];
  const rows = (await query(CHANGES, parameters)) as (CatalogEntry | Head)[]; // as CHANGES selects them
  const head = rows.find((row) => row.entity === 'position');
  if (head === undefined) throw new Error('Postgres gave no position of the change feed');
  const entries = rows.filter((row) => row.entity !== 'position');
  const { epoch, reload } = head.record;
  return { entries, position: { snapshot: head.id, epoch }, reload };
}
