import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { formatMetrics, readMetricFamilies } from './metric-families.ts';

function createRegistry(process: string, rejected: number): Registry {
  const registry = new Registry();
  new Gauge({ name: 'memory', help: 'Memory.', labelNames: ['process'], registers: [registry] }).set({ process }, 5);
  const counter = new Counter({ name: 'rejected', help: 'Rejected.', labelNames: ['fault'], registers: [registry] });
  counter.inc({ fault: 'key' }, rejected);
  return registry;
}

it('metrics of two processes become one exposition, in which equal series are added up', async () => {
  const [first, second] = [createRegistry('a', 2), createRegistry('b', 3)];
  const text = await formatMetrics([await readMetricFamilies(first), await readMetricFamilies(second)]);
  expect(text.match(/^# TYPE .*/gm)).toEqual(['# TYPE memory gauge', '# TYPE rejected counter']);
  expect(text).toContain('memory{process="a"} 5\nmemory{process="b"} 5\n');
  expect(text).toContain('rejected{fault="key"} 5\n');
});

it('metrics of one process are formatted as by their registry', async () => {
  const registry = createRegistry('a', 1);
  new Histogram({ name: 'seconds', help: 'Time.', buckets: [1, 2], registers: [registry] }).observe(1.5);
  expect(await formatMetrics([await readMetricFamilies(registry)])).toBe(await registry.metrics());
});

it('a gauge of several processes is what its aggregator says', async () => {
  const families = await Promise.all(
    [1, 2, 6].map(async (value) => {
      const registry = new Registry();
      for (const aggregator of ['sum', 'min', 'max', 'average', 'omit', 'first'] as const)
        new Gauge({ name: aggregator, help: 'A gauge.', aggregator, registers: [registry] }).set(value);
      return readMetricFamilies(registry);
    }),
  );
  const text = await formatMetrics(families);
  expect(text.match(/^\w+ \d+$/gm)).toEqual(['sum 9', 'min 1', 'max 6', 'average 3', 'omit 6', 'first 6']);
});
