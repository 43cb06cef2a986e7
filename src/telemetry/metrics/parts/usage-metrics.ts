import { Gauge, type Registry } from 'prom-client';
import { USAGE_OUTCOMES, type UsageOutcome } from '../../../domain/usage/usage-row.ts';
import { registerGauge, registerTallies, registerTotal } from '../read-at-scrape.ts';

/** How this node records usage, as a scrape reads it. */
export interface ObservedUsage {
  /** Rows that are not known to be written to Postgres. */
  readonly backlog: number;
  /** Requests that were lost. */
  readonly dropped: number;
  /** Requests that were counted for the route `other`. */
  readonly requestsOnOtherRoutes: number;
  /** Requests by plan. The plan is empty for requests without one. */
  readonly plans: Iterable<readonly [plan: string, counts: Readonly<Record<UsageOutcome, number>>]>;
}

/** As docs/usage.md and exports write them. */
const OUTCOME_LABELS: Readonly<Record<UsageOutcome, string>> = {
  allowed: 'allowed',
  rateLimited: 'rate_limited',
  quotaExceeded: 'quota_exceeded',
  denied: 'denied',
};

/** Registers the metrics of recorded usage: the requests of each plan, and whether usage reaches Postgres. */
export function registerUsageMetrics(registry: Registry, usage: ObservedUsage): void {
  registerTallies(registry, () => countByPlan(usage), {
    name: 'weir_plan_requests_total',
    help: 'Requests by plan (empty: none) and outcome (allowed, rate_limited, quota_exceeded, denied), as usage counts them.',
    labelNames: ['plan', 'outcome'],
  });
  registerGauge(
    registry,
    'weir_usage_backlog_rows',
    'Rows of usage that this node has not written to Postgres yet, without those of the current interval.',
    () => usage.backlog,
  );
  registerTotal(
    registry,
    'weir_usage_dropped_total',
    'Requests whose usage was lost, because too many rows were waiting for Postgres, or it refused them.',
    () => usage.dropped,
  );
  registerTotal(
    registry,
    'weir_usage_other_routes_total',
    'Requests whose usage was recorded for the route other, because the node has seen too many routes.',
    () => usage.requestsOnOtherRoutes,
  );
}

function* countByPlan({ plans }: ObservedUsage) {
  for (const [plan, counts] of plans)
    for (const outcome of USAGE_OUTCOMES)
      if (counts[outcome] > 0) yield { plan, outcome: OUTCOME_LABELS[outcome], count: counts[outcome] };
}

/** Creates the metric of active accounts. It has no values until it is recorded for the first time. */
export function createActiveAccountsRecorder(
  registry: Registry,
): (accounts: { readonly day: number; readonly month: number }) => void {
  const active = new Gauge({
    name: 'weir_active_accounts',
    help: 'Accounts with an allowed request in the current day or month of UTC, counted every 10 minutes for all nodes.',
    labelNames: ['period'] as const,
    registers: [registry],
  });
  return ({ day, month }) => {
    active.set({ period: 'day' }, day);
    active.set({ period: 'month' }, month);
  };
}
