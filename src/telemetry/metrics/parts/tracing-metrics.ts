import type { Registry } from 'prom-client';
import type { ProcessName } from '../../logger.ts';
import { registerTallies } from '../read-at-scrape.ts';

/** Registers the metric of the spans of a process. `counts` has them by result; empty: nothing is traced. */
export function registerTracingMetrics(
  registry: Registry,
  process: ProcessName,
  counts: Readonly<Partial<Record<'exported' | 'dropped' | 'failed', number>>>,
): void {
  const readCounts = () => Object.entries(counts).map(([result, count]) => ({ process, result, count }));
  registerTallies(registry, readCounts, {
    name: 'weir_trace_spans_total',
    help:
      'Spans of traced calls by process and result: exported, dropped (no room, because their receiver is too slow), ' +
      'failed (the receiver rejected them, or could not be reached in time).',
    labelNames: ['process', 'result'],
  });
}
