import { createQuery, openDatabase } from '../../../src/database/open-database.ts';
import { rollUpUsage } from '../../../src/database/usage/roll-up.ts';
import {
  ExportUsageRequest,
  ExportUsageRequest_Format as Format,
  QueryUsageRequest,
  QueryUsageRequest_Step as Step,
  UsageServiceService,
} from '../../../src/generated/weir/admin/v1/usage_service.ts';
import type { GrpcClient, Headers } from '../../support/clients/grpc-client.ts';
import type { WebhookReceiver } from '../../support/servers/webhook-receiver.ts';
import { addCounts, type Bounds, COUNTS, type Counts, NO_COUNTS } from './client-ledger.ts';

const HOUR_MS = 3_600_000;

/** Reads all usage from the admin API. */
export async function queryUsage(client: GrpcClient, admin: Headers): Promise<Counts> {
  const request = QueryUsageRequest.fromPartial({
    ...{ parent: 'accounts/-', step: Step.MONTH },
    ...{ startTime: new Date(Date.now() - 2 * HOUR_MS), endTime: new Date(Date.now() + HOUR_MS) },
  });
  const { rows } = await client.call(UsageServiceService.queryUsage, request, admin);
  return rows.map(({ totals }) => toCounts(totals ?? {})).reduce(addCounts, NO_COUNTS);
}

/** Adds up the events of a webhook that wants all events of usage. An event that came twice counts once. */
export function sumEvents({ received }: WebhookReceiver): Counts {
  const events = new Map(received.map(({ event: { id, data } }) => [id, data]));
  return [...events.values()].map(toCounts).reduce(addCounts, NO_COUNTS);
}

/**
 * Exports all usage as for billing. Only closed days have an export, so this makes all of it three days older, and closes
 * its days. Nodes must not write meanwhile.
 */
export async function exportUsage(databaseUrl: string, client: GrpcClient, admin: Headers): Promise<Counts> {
  const database = await openDatabase({ url: databaseUrl });
  const query = createQuery(database);
  try {
    for (const table of ['hour', 'day', 'month']) {
      await query(`select create_time_partitions('usage_${table}', 'month', now() - interval '5 days', 2)`, []);
    }
    await query(`update usage_hour set hour = hour - interval '3 days'`, []);
    await query(`update usage_state set rolled_until = rolled_until - interval '4 days'`, []);
    const days = await rollUpUsage(query);
    let sum = NO_COUNTS;
    for (const day of days) sum = addCounts(sum, await exportDay(day.slice(0, 'yyyy-mm-dd'.length), client, admin));
    return sum;
  } finally {
    await database.close(true);
  }
}

async function exportDay(period: string, client: GrpcClient, admin: Headers): Promise<Counts> {
  const fields = { period, parent: 'accounts/-', format: Format.JSON, pageSize: 5000 };
  const { content } = await client.call(UsageServiceService.exportUsage, ExportUsageRequest.fromPartial(fields), admin);
  const rows = content.split('\n').filter((line) => line !== '');
  return rows.map((row) => toCounts(JSON.parse(row))).reduce(addCounts, NO_COUNTS);
}

/** The fields of the three sources. An export writes two of them in snake case. */
interface RecordedCounts {
  readonly allowed?: number;
  readonly rateLimited?: number;
  readonly rate_limited?: number;
  readonly quotaExceeded?: number;
  readonly quota_exceeded?: number;
  readonly denied?: number;
  readonly hits?: number;
}

function toCounts({ allowed = 0, denied = 0, hits = 0, ...refused }: RecordedCounts): Counts {
  const { rateLimited, rate_limited = rateLimited, quotaExceeded, quota_exceeded = quotaExceeded } = refused;
  return { allowed, refused: (rate_limited ?? 0) + (quota_exceeded ?? 0), denied, hits };
}

/** Lists the counts that are below or above what the clients saw. */
export function findDifferences(recorded: Counts, { min, max }: Bounds): readonly string[] {
  return COUNTS.filter((count) => recorded[count] < min[count] || recorded[count] > max[count]).map(
    (count) => `${count}: recorded ${recorded[count]}, seen ${min[count]} to ${max[count]}`,
  );
}
