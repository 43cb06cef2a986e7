import type { TargetResult } from '../measure/targets.ts';
import { formatTable } from '../report/markdown-table.ts';
import { formatCount } from '../report/result-tables.ts';
import type { EnvoyRow, Quantiles } from './measure-added-latency.ts';

export const RATE_LIMIT = 'rate limit';
export const LEASED_RATE_LIMIT = 'one leased limit';
export const EXT_AUTHZ = 'ext_authz';
export const BOTH_FILTERS = 'both';

/** Largest share of what envoyproxy/ratelimit adds that the rate limit filter may add with Weir. */
const TARGETS: readonly { readonly rate: number; readonly quantile: 'p50' | 'p99'; readonly maxShare: number }[] = [
  { rate: 300, quantile: 'p50', maxShare: 0.6 },
  { rate: 1500, quantile: 'p50', maxShare: 0.4 },
  { rate: 300, quantile: 'p99', maxShare: 0.25 },
  { rate: 1500, quantile: 'p99', maxShare: 0.3 },
];

export function formatEnvoyTable(rows: readonly EnvoyRow[]): string {
  const head = ['filter', 'server', 'requests/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'adds p50', 'p99', 'p99.9', 'failed'];
  const cells = rows.map((row) => {
    const isBare = row.backend === 'none';
    return [
      isBare ? 'none' : row.filter,
      isBare ? '' : row.backend,
      formatCount(row.requestsPerSecond),
      ...formatQuantiles(row),
      ...(isBare ? ['', '', ''] : formatQuantiles(row.added)),
      formatCount(row.failed),
    ];
  });
  return formatTable(head, cells, 2);
}

function formatQuantiles({ p50, p99, p999 }: Quantiles): string[] {
  return [p50, p99, p999].map((milliseconds) => milliseconds.toFixed(2));
}

/** Compares with the targets. Empty without envoyproxy/ratelimit, which the targets refer to. */
export function checkEnvoyTargets(rows: readonly EnvoyRow[]): TargetResult[] {
  return TARGETS.flatMap(({ rate, quantile, maxShare }) => {
    const row = rows.find(
      ({ requestsPerSecond, backend, filter }) =>
        requestsPerSecond === rate && backend === 'Weir' && filter === RATE_LIMIT,
    );
    const share = row?.addedOfRatelimit?.[quantile];
    if (share === undefined) return [];
    const target = `rate limit filter, ${formatCount(rate)} requests/s: adds to ${quantile} at most ${maxShare} × what envoyproxy/ratelimit adds`;
    return [{ target, measured: `${share.toFixed(2)} ×`, isMet: share > 0 && share <= maxShare }];
  });
}
