import type { UsagePeriod } from '../../domain/usage/usage-period.ts';
import type { UsageCounts, UsageDimensions } from '../../domain/usage/usage-row.ts';
import type { Query } from '../../interfaces/query.ts';

/** A row of an export. */
export interface ExportedUsage extends UsageDimensions, UsageCounts {
  /** The hour that a correction belongs to, as a time of RFC 3339; empty: the usage of the period itself. */
  readonly corrects: string;
  /** The day on which a correction arrived, as a time of RFC 3339; empty: the usage of the period itself. */
  readonly recordTime: string;
}

/** The position of a row in an export, which is sorted by it. */
export type ExportKey = readonly [
  accountId: string,
  corrects: string,
  keyId: string,
  planId: string,
  route: string,
  recordTime: string,
];

export interface UsageExport {
  /** As `encodeAccount` writes it. undefined: all accounts. */
  readonly accountId: string | undefined;
  readonly period: UsagePeriod;
  /** The last row of the previous page; undefined: the first page. */
  readonly after: ExportKey | undefined;
  readonly limit: number;
}

const COUNTS = 'allowed, rate_limited, quota_exceeded, denied, hits';
const KEY = 'account_id, corrects collate "C", api_key_id, plan_id, route, record_time collate "C"';
const RFC_3339 = `'YYYY-MM-DD"T"HH24:MI:SS"Z"'`;

/** Days and months never change once they are rolled up. Usage that arrives later is a correction of the day it arrives. */
export async function isPeriodClosed(query: Query, { to }: UsagePeriod): Promise<boolean> {
  const sql = `select rolled_until >= ?::timestamptz as closed from usage_state`;
  const [state] = (await query(sql, [new Date(to).toISOString()])) as { readonly closed: boolean }[];
  return state?.closed === true;
}

/** Reads the usage of a closed period, and the corrections that arrived in it. The rows are the same each time. */
export async function exportUsage(query: Query, usage: UsageExport): Promise<readonly ExportedUsage[]> {
  const { accountId, period, after, limit } = usage;
  const from = new Date(period.from).toISOString();
  const ofAccount = accountId === undefined ? '' : ' and account_id = ?';
  const account = accountId === undefined ? [] : [accountId];
  const sql = `
    select account_id as "accountId", corrects, api_key_id as "keyId", plan_id as "planId", route,
      record_time as "recordTime", allowed::float8, rate_limited::float8 as "rateLimited",
      quota_exceeded::float8 as "quotaExceeded", denied::float8, hits::float8
    from (
      select account_id, '' as corrects, api_key_id, plan_id, route, '' as record_time, ${COUNTS}
      from usage_${period.unit} where ${period.unit} = ?::timestamptz${ofAccount}
      union all
      select account_id, to_char(hour at time zone 'UTC', ${RFC_3339}), api_key_id, plan_id, route,
        to_char(record_time at time zone 'UTC', ${RFC_3339}), ${COUNTS}
      from usage_correction where record_time >= ?::timestamptz and record_time < ?::timestamptz${ofAccount}
    ) exported
    ${after === undefined ? '' : `where (${KEY}) > (?, ?, ?, ?, ?, ?)`}
    order by ${KEY}
    limit ?`;
  const to = new Date(period.to).toISOString();
  return (await query(sql, [from, ...account, from, to, ...account, ...(after ?? []), limit])) as ExportedUsage[];
}
