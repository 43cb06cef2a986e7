import type { Query } from '../../interfaces/query.ts';

/** A table whose rows are partitioned by time. */
export interface PartitionedTable {
  /** Creates the partition of the present and those of the next times. */
  create(query: Query): Promise<void>;
  /** Drops the partitions whose last row is older than the retention. Returns their names. */
  drop(query: Query, retentionSeconds: number): Promise<readonly string[]>;
}

/** Months that have partitions, from the current one. While Weir is stopped, other programs write audit events too. */
const MONTHS_AHEAD = 7;

/** The audit trail, by month. Its key is a UUID of version 7. Without a partition, nobody can change the catalog. */
export const AUDIT_EVENTS: PartitionedTable = {
  async create(query) {
    await query('select create_audit_partitions(now(), ?)', [MONTHS_AHEAD]);
  },
  drop: (query, retentionSeconds) =>
    listNames(query, `select drop_audit_partitions(now() - ? * interval '1 s') as name`, [retentionSeconds]),
};

/**
 * Describes a table that is partitioned by a `timestamptz`. `ahead`: partitions that exist, from the current one; `behind`:
 * those that are created before it.
 */
export function partitionByTime(name: string, unit: 'day' | 'month', ahead: number, behind = 0): PartitionedTable {
  return {
    async create(query) {
      const start = `${behind} ${unit}`;
      const create = 'select create_time_partitions(?::regclass, ?, now() - ?::interval, ?)';
      await query(create, [name, unit, start, behind + ahead]);
    },
    drop: (query, retentionSeconds) =>
      listNames(query, `select drop_time_partitions(?::regclass, ?, now() - ? * interval '1 s') as name`, [
        name,
        unit,
        retentionSeconds,
      ]),
  };
}

/** Months of usage that have partitions, from the current one. Nobody writes usage of the future. */
const USAGE_MONTHS_AHEAD = 4;

export const USAGE_HOURS = partitionByTime('usage_hour', 'month', USAGE_MONTHS_AHEAD);
export const USAGE_DAYS = partitionByTime('usage_day', 'month', USAGE_MONTHS_AHEAD);
export const USAGE_MONTHS = partitionByTime('usage_month', 'month', USAGE_MONTHS_AHEAD);
export const USAGE_CORRECTIONS = partitionByTime('usage_correction', 'month', USAGE_MONTHS_AHEAD);

/** Days of the request log that have partitions, from the current one. */
const DAYS_AHEAD = 4;

/** With yesterday, because requests that began before midnight are written after it. */
export const REQUEST_LOG = partitionByTime('request_log', 'day', DAYS_AHEAD, 1);

/** All tables that are partitioned by time. */
export const PARTITIONED_TABLES: readonly PartitionedTable[] = [
  AUDIT_EVENTS,
  USAGE_HOURS,
  USAGE_DAYS,
  USAGE_MONTHS,
  USAGE_CORRECTIONS,
  REQUEST_LOG,
];

async function listNames(query: Query, sql: string, parameters: readonly unknown[]): Promise<readonly string[]> {
  const rows = (await query(sql, parameters)) as readonly { readonly name: string }[];
  return rows.map(({ name }) => name);
}
