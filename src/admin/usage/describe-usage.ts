import { createQuery, type Database } from '../../database/open-database.ts';
import { queryUsage } from '../../database/usage/query-usage.ts';
import type { CounterAdmin } from '../../domain/counting/counter-admin.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { countUsed } from '../../domain/usage/count-used.ts';
import { HOUR_MS } from '../../domain/usage/usage-ranges.ts';
import { addCounts, NO_COUNTS } from '../../domain/usage/usage-row.ts';
import type { LimitUsage, Usage } from '../../generated/weir/admin/v1/usage_service.ts';
import { toTimestamp } from '../fields/common-fields.ts';
import { toLimitMessage } from '../fields/limits-and-features.ts';
import type { CredentialCatalog } from '../tokens/token-info-options.ts';
import type { UsageOwner } from './find-usage-owner.ts';
import { toTotals } from './usage-message.ts';

export interface UsageSources {
  readonly database: Database;
  readonly credentials: Pick<CredentialCatalog, 'findPlan'>;
  readonly counters: CounterAdmin;
}

/** A month has no more days. */
const MAX_DAYS = 31;

/** Describes the present usage of an account or an API key. */
export async function describeUsage(
  name: string,
  owner: UsageOwner,
  { database, credentials, counters }: UsageSources,
): Promise<Usage> {
  const { accountId, apiKeyId, planId, features } = owner;
  const now = Date.now();
  const [plan, limits, totals] = await Promise.all([
    credentials.findPlan(planId),
    readLimits(counters, owner),
    readTotals(database, owner, now),
  ]);
  return {
    name,
    account: `accounts/${accountId}`,
    plan: `plans/${planId}`,
    features: [...new Set([...(plan?.features ?? []), ...(apiKeyId === undefined ? [] : features)])],
    limits,
    ...totals,
  };
}

/** Empty while the counters are unavailable. */
async function readLimits(counters: CounterAdmin, { accountId, apiKeyId }: UsageOwner): Promise<LimitUsage[]> {
  const selector =
    apiKeyId === undefined
      ? ({ kind: 'account', id: accountId } as const)
      : ({ kind: 'api_key', id: apiKeyId } as const);
  const reading = await counters.read({ selector, limit: '' });
  if (reading.kind !== 'read') return [];
  return reading.counters.map(({ label, limit, snapshot }) => ({
    label,
    limit: toLimitMessage(toPlanLimitSpec(limit)),
    used: countUsed(limit, snapshot),
    remaining: snapshot.isBlocked ? 0 : snapshot.remaining,
    resetTime: toTimestamp(snapshot.resetAt),
  }));
}

async function readTotals(
  database: Database,
  { accountId, apiKeyId }: UsageOwner,
  now: number,
): Promise<Pick<Usage, 'today' | 'thisMonth'>> {
  const date = new Date(now);
  const today = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
  const { rows } = await queryUsage(createQuery(database), {
    accountId,
    from: Date.UTC(date.getUTCFullYear(), date.getUTCMonth()),
    to: Math.ceil((now + 1) / HOUR_MS) * HOUR_MS,
    step: 'day',
    isUtc: true,
    timeZone: 'UTC',
    groupBy: new Set(),
    where: apiKeyId === undefined ? [] : [{ group: 'apiKeyId', value: apiKeyId }],
    after: undefined,
    limit: MAX_DAYS,
  });
  const month = { ...NO_COUNTS };
  for (const row of rows) addCounts(month, row);
  return { today: toTotals(rows.find(({ bucket }) => bucket === today) ?? NO_COUNTS), thisMonth: toTotals(month) };
}
