import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { MetricFamily } from '../../interfaces/metric-family.ts';
import { formatMetrics, readMetricFamilies } from '../../telemetry/metrics/metric-families.ts';
import { WorkerMetrics } from './worker-metrics.ts';

/** The metrics of a worker that has made so many decisions, and has as many rows to write. */
function readWorker(decisions: number): Promise<readonly MetricFamily[]> {
  const registers = [new Registry()];
  new Counter({ name: 'decisions', help: 'Decisions.', registers }).inc(decisions);
  new Gauge({ name: 'backlog', help: 'Rows.', registers }).set(decisions);
  const seconds = new Histogram({ name: 'seconds', help: 'Time.', buckets: [1], registers });
  for (let i = 0; i < decisions; i++) seconds.observe(2);
  return readMetricFamilies(registers[0] as Registry);
}

async function read(metrics: WorkerMetrics, answers: Readonly<Record<number, number>>): Promise<string> {
  const entries = Object.entries(answers).map(async ([worker, decisions]) => {
    return [Number(worker), await readWorker(decisions)] as const;
  });
  const text = await formatMetrics([await metrics.merge(new Map(await Promise.all(entries)))]);
  return (text.match(/^(?:decisions|backlog|seconds_count) \d+$/gm) ?? []).join(', ');
}

it('the counters of a worker that does not answer, or was replaced, stay in the sum, but not its gauges', async () => {
  const metrics = new WorkerMetrics(() => Promise.resolve([]));
  expect(await read(metrics, { 1: 3, 2: 4 })).toBe('decisions 7, backlog 7, seconds_count 7');
  expect(await read(metrics, { 1: 5 })).toBe('decisions 9, backlog 5, seconds_count 9');
  metrics.recordEnd(2);
  metrics.recordEnd(2); // its successor has ended before it was asked
  expect(await read(metrics, { 1: 5 })).toBe('decisions 9, backlog 5, seconds_count 9');
  expect(await read(metrics, { 1: 5, 2: 1 })).toBe('decisions 10, backlog 6, seconds_count 10');
  expect(await read(metrics, {})).toBe('decisions 10, seconds_count 10');
});

it('some of the metrics are merged in the same way, and the others stay as they were last read', async () => {
  const metrics = new WorkerMetrics(() => Promise.resolve([]));
  await read(metrics, { 1: 3, 2: 4 });
  const some = (await readWorker(5)).filter(({ name }) => name === 'decisions');
  const merged = metrics.mergeSome(new Map([[1, some]]));
  expect(merged.map(({ name, values }) => [name, values[0]?.value])).toEqual([['decisions', 9]]);
  metrics.recordEnd(1);
  expect(await read(metrics, { 2: 4 })).toBe('decisions 9, backlog 4, seconds_count 7');
});

it('the metrics of the primary process are among them', async () => {
  const metrics = new WorkerMetrics(() => readWorker(2));
  expect(await read(metrics, { 1: 3 })).toBe('decisions 5, backlog 5, seconds_count 5');
});
