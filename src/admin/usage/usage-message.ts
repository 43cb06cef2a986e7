import type { UsageResultRow } from '../../database/usage/query-usage.ts';
import type { UsageCounts } from '../../domain/usage/usage-row.ts';
import {
  UsageRow_Outcome as Outcome,
  type UsageRow,
  type UsageTotals,
} from '../../generated/weir/admin/v1/usage_service.ts';

export function toTotals({ allowed, rateLimited, quotaExceeded, denied, hits }: Readonly<UsageCounts>): UsageTotals {
  const requests = allowed + rateLimited + quotaExceeded + denied;
  return { requests, allowed, rateLimited, quotaExceeded, denied, hits };
}

export function toUsageRow(row: UsageResultRow): UsageRow {
  const { bucket, apiKeyId, route, planId, outcome } = row;
  return {
    startTime: new Date(bucket),
    apiKey: apiKeyId === '' ? '' : `apiKeys/${apiKeyId}`,
    route,
    plan: planId === '' ? '' : `plans/${planId}`,
    outcome: Outcome[(outcome === '' ? 'UNSPECIFIED' : outcome) as keyof typeof Outcome], // as the query names them
    totals: toTotals(row),
  };
}
