import type { Query } from '../../interfaces/query.ts';

/**
 * Adds the hours of each day that has ended to the day and its month. From then on none of the three changes. A day is one
 * transaction, in which nobody writes usage. Returns the days, as times of RFC 3339.
 */
export async function rollUpUsage(query: Query, signal?: AbortSignal): Promise<readonly string[]> {
  const days: string[] = [];
  while (signal?.aborted !== true) {
    const [row] = (await query('select audit_time(roll_up_usage()) as day', [])) as { readonly day: string | null }[];
    if (row === undefined || row.day === null) break;
    days.push(row.day);
  }
  return days;
}

/**
 * Adds up the usage of all accounts for each day that is rolled up: its hours, the day, and its month if the day is the
 * last of it. Queries of all accounts read the rows of the accounts until that is done.
 */
export async function addUsageTotals(query: Query, signal?: AbortSignal): Promise<void> {
  for (let isDone = false; !isDone && signal?.aborted !== true; ) {
    const [row] = (await query('select add_usage_totals() is null as done', [])) as { readonly done: boolean }[];
    isDone = row?.done !== false;
  }
}

/** Deletes the totals whose rows of accounts are not kept any more. */
export async function dropUsageTotals(query: Query): Promise<void> {
  for (const unit of ['hour', 'day', 'month']) {
    const first = `(select min(start) from time_partitions('usage_${unit}', 'month'))`;
    await query(`delete from usage_total_${unit} where ${unit} < ${first}`, []);
  }
}
