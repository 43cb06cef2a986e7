import type { Query } from '../../interfaces/query.ts';

/** For how long rows without effect are kept, in seconds. */
export interface PurgeRetention {
  /** Keys and accounts after their deletion. */
  readonly deletedSeconds: number;
}

/** Sessions that have ended or expired are kept for a look at who was signed in. The audit trail keeps sign-ins longer. */
const SESSION_RETENTION_SECONDS = 30 * 86_400;
/** Nothing reads checkpoints of ended periods. A day is more than clocks differ by. */
const CHECKPOINT_RETENTION_SECONDS = 86_400;
/** Events of the outbox, with their deliveries. Those that cannot be delivered are given up long before. */
const EVENT_RETENTION_SECONDS = 14 * 86_400;
/** Shares of limits that were reached, after their period: until then, they must not be reported again. */
const THRESHOLD_RETENTION_SECONDS = 90 * 86_400;

/** Stripe can send an event again for 30 days. Before that, an event of an ended subscription could begin it again. */
const STRIPE_RETENTION_SECONDS = 60 * 86_400;

const NODE_RETENTION_SECONDS = 400 * 86_400;

/** Bounds the rows that one statement locks, and the time that it takes. */
const MAX_ROWS_PER_STATEMENT = 1_000;

interface PurgedTable {
  readonly table: string;
  /** Condition on the rows to delete. `?` is the retention in seconds. */
  readonly where: string;
  retentionSeconds(retention: PurgeRetention): number;
}

/** In an order in which no row refers to one that was deleted before it. */
const PURGED_TABLES: readonly PurgedTable[] = [
  {
    table: 'api_key',
    where: `delete_time < now() - ? * interval '1 s'`,
    retentionSeconds: ({ deletedSeconds }) => deletedSeconds,
  },
  {
    table: 'session',
    where: `least(end_time, expire_time) < now() - ? * interval '1 s'`,
    retentionSeconds: () => SESSION_RETENTION_SECONDS,
  },
  {
    table: 'counter_checkpoint',
    where: `period_end_time < now() - ? * interval '1 s'`,
    retentionSeconds: () => CHECKPOINT_RETENTION_SECONDS,
  },
  {
    // Its flushes could be repeated from a file of a node that was stopped for as long.
    table: 'usage_node',
    where: `update_time < now() - ? * interval '1 s'`,
    retentionSeconds: () => NODE_RETENTION_SECONDS,
  },
  {
    table: 'limit_threshold',
    where: `greatest(create_time, to_timestamp(period_end / 1e6)) < now() - ? * interval '1 s'`,
    retentionSeconds: () => THRESHOLD_RETENTION_SECONDS,
  },
  {
    table: 'account',
    where: `delete_time < now() - ? * interval '1 s' and not exists (select from api_key where account_id = account.id)`,
    retentionSeconds: ({ deletedSeconds }) => deletedSeconds,
  },
  {
    table: 'outbox_event',
    where: `create_time < now() - ? * interval '1 s'`,
    retentionSeconds: () => EVENT_RETENTION_SECONDS,
  },
  {
    table: 'stripe_event',
    where: `handle_time < now() - ? * interval '1 s'`,
    retentionSeconds: () => STRIPE_RETENTION_SECONDS,
  },
  {
    table: 'stripe_subscription',
    where: `plan_id is null and event_time < now() - ? * interval '1 s'`,
    retentionSeconds: () => STRIPE_RETENTION_SECONDS,
  },
];

/**
 * Deletes rows that have had no effect for longer than they are kept, in batches. Returns how many, by table. A batch skips
 * rows that another node deletes. Ends early when `signal` is aborted.
 */
export async function purge(
  query: Query,
  retention: PurgeRetention,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { table, where, retentionSeconds } of PURGED_TABLES) {
    const statement = `
      with purged as (
        delete from ${table} where id in (select id from ${table} where ${where} limit ? for update skip locked) returning id
      )
      select count(*)::int as count from purged`;
    const parameters = [retentionSeconds(retention), MAX_ROWS_PER_STATEMENT];
    for (let count = MAX_ROWS_PER_STATEMENT; count === MAX_ROWS_PER_STATEMENT && signal?.aborted !== true; ) {
      const [row] = (await query(statement, parameters)) as { count: number }[];
      count = row?.count ?? 0;
      if (count > 0) counts[table] = (counts[table] ?? 0) + count;
    }
  }
  return counts;
}
