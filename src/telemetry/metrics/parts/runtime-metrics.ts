import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import type { ProcessName } from '../../logger.ts';
import { registerTotal } from '../read-at-scrape.ts';

/**
 * Sums of other metrics of prom-client. They are gauges whose names end in `_total`, as only names of counters may. The
 * sum of the metric without the suffix is the same.
 */
const MISNAMED_METRICS = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
];

/**
 * Registers the metrics of the process and of Node.js, `process_*` and `nodejs_*`, which dashboards know by name. The
 * label `process` says which of the processes of this node they are about. `weir_build_info` says what they run: `version`
 * is that of Weir.
 */
export function registerRuntimeMetrics(registry: Registry, name: ProcessName, version: string): void {
  collectDefaultMetrics({ register: registry, labels: { process: name } });
  const build = new Gauge({
    name: 'weir_build_info',
    help: 'Always 1. The labels say which version of Weir and of Node.js each process of the node runs.',
    labelNames: ['version', 'node_version', 'process'] as const,
    aggregator: 'max',
    registers: [registry],
  });
  build.set({ version, node_version: process.version, process: name }, 1);
  for (const name of MISNAMED_METRICS) registry.removeSingleMetric(name);
}

/** Registers the metric that counts lines missing from the log of this process. */
export function registerLogMetrics(registry: Registry, readDroppedLines: () => number): void {
  registerTotal(
    registry,
    'weir_log_lines_dropped_total',
    'Lines that are missing from the log, because nothing reads standard output, or LOG_FILE cannot be written.',
    readDroppedLines,
  );
}
