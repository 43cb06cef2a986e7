import { type Metric, Registry } from 'prom-client';
import type { MetricFamily, MetricValue } from '../../interfaces/metric-family.ts';
import { mergeMetrics } from './merge-metrics.ts';

/** Reads all metrics of a registry as plain data. */
export async function readMetricFamilies(registry: Registry): Promise<readonly MetricFamily[]> {
  const families: readonly MetricFamily[] = (await registry.getMetricsAsJSON()).map(toFamily);
  return families;
}

/** Reads the metrics of a registry that have these names. The others are not collected. */
export async function readNamedFamilies(
  registry: Registry,
  names: readonly string[],
): Promise<readonly MetricFamily[]> {
  const metrics = names.flatMap((name) => registry.getSingleMetric(name) ?? []);
  return Promise.all(metrics.map(async (metric) => toFamily(await metric.get())));
}

/**
 * prom-client types the metrics of a registry without their values, and `type` as an enum of names. It would leave out what
 * has the aggregator `omit`, the start time of a process, and take the `first` of equal values.
 */
function toFamily(metric: unknown): MetricFamily {
  const { name, help, type, aggregator, values } = metric as Omit<MetricFamily, 'aggregator'> & {
    readonly aggregator: MetricFamily['aggregator'] | 'omit' | 'first';
  };
  const toValue = ({ metricName, labels, value }: MetricValue): MetricValue =>
    metricName === undefined ? { labels, value } : { metricName, labels, value };
  const isAggregated = aggregator !== 'omit' && aggregator !== 'first';
  return { name, help, type, aggregator: isAggregated ? aggregator : 'max', values: values.map(toValue) };
}

/** Formats metrics of several processes as one exposition for Prometheus. */
export async function formatMetrics(processes: readonly (readonly MetricFamily[])[]): Promise<string> {
  const registry = new Registry();
  for (const { name, ...family } of mergeMetrics(processes)) {
    const metric = { name, reset: () => {}, get: async () => ({ name, ...family }) };
    // A registry uses nothing but name, get and reset of a metric. Its type requires the whole class.
    registry.registerMetric(metric as unknown as Metric<string>);
  }
  return registry.metrics();
}

/** Content type of `formatMetrics`. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;
