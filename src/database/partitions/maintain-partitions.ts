import { withAdvisoryLock } from '../advisory-locks.ts';
import { createQuery, type Database } from '../open-database.ts';
import type { PartitionedTable } from './partitioned-tables.ts';

/** A table, and how long its rows are kept at least. */
export interface RetainedTable {
  readonly table: PartitionedTable;
  readonly retentionSeconds: number;
}

/** Creates the partitions of the present and of the next times. Rows whose partition is missing cannot be written. */
export async function createPartitions(database: Database, tables: readonly PartitionedTable[]): Promise<void> {
  await withAdvisoryLock(database, 'partitions', async () => {
    for (const table of tables) await table.create(createQuery(database));
  });
}

/** Drops the partitions whose last row is older than the retention of their table. Returns their names. */
export async function dropPartitions(
  database: Database,
  retained: readonly RetainedTable[],
): Promise<readonly string[]> {
  return withAdvisoryLock(database, 'partitions', async () => {
    const dropped: string[] = [];
    for (const { table, retentionSeconds } of retained) {
      dropped.push(...(await table.drop(createQuery(database), retentionSeconds)));
    }
    return dropped;
  });
}
