import type { Config } from '../../config/config.ts';
import type { DatabaseAccess } from '../../database/connection/database-access.ts';
import { openConnection } from '../../database/open-connection.ts';
import { createQuery, type Database } from '../../database/open-database.ts';
import { publishExpiringKeys } from '../../database/outbox/publish-expiring-keys.ts';
import { createPartitions, dropPartitions, type RetainedTable } from '../../database/partitions/maintain-partitions.ts';
import {
  AUDIT_EVENTS,
  PARTITIONED_TABLES,
  REQUEST_LOG,
  USAGE_CORRECTIONS,
  USAGE_DAYS,
  USAGE_HOURS,
  USAGE_MONTHS,
} from '../../database/partitions/partitioned-tables.ts';
import { purge } from '../../database/statements/purge.ts';
import { addUsageTotals, dropUsageTotals, rollUpUsage } from '../../database/usage/roll-up.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Query } from '../../interfaces/query.ts';

const INTERVAL_MS = 60 * 60 * 1000;
/** A day of usage of a million keys takes minutes. */
const MAX_STATEMENT_MS = 30 * 60 * 1000;

/**
 * Rolls up usage, purges old rows, drops old partitions and reports keys that expire soon, now and every hour. For nodes
 * that write the catalog. Returns a function that stops it.
 */
export function startDatabaseJobs(
  config: Config,
  { database, access }: { readonly database: Database; readonly access: DatabaseAccess },
  log: Logger,
): () => Promise<void> {
  // For statements that may take as long as they need.
  const { query, close } = openConnection({ ...access, timeoutMs: MAX_STATEMENT_MS });
  const stopping = new AbortController();
  let running = Promise.resolve();
  const run = () => {
    running = running.then(() => runOnce(config, { database, query, log, signal: stopping.signal }));
  };
  run();
  const timer = setInterval(run, INTERVAL_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    stopping.abort();
    // A statement in progress fails or ends first.
    await close();
    await running;
  };
}

interface JobParts {
  readonly database: Database;
  /** Has a connection of its own. */
  readonly query: Query;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

async function runOnce(config: Config, { database, query, log, signal }: JobParts): Promise<void> {
  try {
    await createPartitions(database, PARTITIONED_TABLES);
    // First: hours and days that are not added up must not be dropped.
    const days = await rollUpUsage(query, signal);
    if (days.length > 0) log.info({ days }, 'rolled up the usage of days that have ended');
    await addUsageTotals(query, signal);
    const partitions = await dropPartitions(database, listRetained(config));
    await dropUsageTotals(query);
    if (partitions.length > 0) log.info({ partitions }, 'dropped the partitions that are past their retention');
    await publishExpiringKeys(createQuery(database));
    const counts = await purge(createQuery(database), { deletedSeconds: config.deletedKeyRetentionSeconds }, signal);
    if (Object.keys(counts).length > 0) log.info(counts, 'purged rows that were deleted or ended long ago');
  } catch (error) {
    log.warn({ err: error }, 'could not roll up usage or purge old rows; trying again in an hour');
  }
}

function listRetained({ auditRetentionSeconds, usage, requestLog }: Config): readonly RetainedTable[] {
  return [
    { table: AUDIT_EVENTS, retentionSeconds: auditRetentionSeconds },
    { table: REQUEST_LOG, retentionSeconds: requestLog.retentionSeconds },
    { table: USAGE_HOURS, retentionSeconds: usage.hourlyRetentionSeconds },
    { table: USAGE_DAYS, retentionSeconds: usage.dailyRetentionSeconds },
    { table: USAGE_MONTHS, retentionSeconds: usage.monthlyRetentionSeconds },
    { table: USAGE_CORRECTIONS, retentionSeconds: usage.monthlyRetentionSeconds },
  ];
}
