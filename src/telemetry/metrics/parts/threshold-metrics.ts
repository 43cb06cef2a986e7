import type { Registry } from 'prom-client';
import { registerTotals } from '../read-at-scrape.ts';

/** Registers the metric that counts the shares of limits (`notify_at`) that this node saw reached. */
export function registerThresholdMetrics(
  registry: Registry,
  thresholds: { readonly results: ReadonlyMap<string, number> },
): void {
  registerTotals(
    registry,
    {
      name: 'weir_limit_thresholds_total',
      help: 'Shares of limits (notify_at) that were reached, by whether this node wrote them first, they were known, or there was no room.',
      label: 'result',
    },
    () => thresholds.results,
  );
}
