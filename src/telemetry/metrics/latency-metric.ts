import type { Metric, Registry } from 'prom-client';
import { LATENCY_BUCKETS, LatencyTally } from '../latency-tally.ts';

/** Durations under their labels. */
interface LabelledTally {
  readonly labels: Readonly<Record<string, string>>;
  readonly tally: LatencyTally;
}

/** Registers a histogram of durations without labels. Returns the function that records one, in ms. */
export function createLatencyRecorder(registry: Registry, name: string, help: string): (ms: number) => void {
  const tally = new LatencyTally();
  registry.registerMetric(createLatencyMetric(name, help, () => [{ labels: {}, tally }]));
  return (ms) => tally.observe(ms / 1000);
}

/** Creates a histogram of durations in seconds. `read` returns its values at each scrape. */
export function createLatencyMetric(name: string, help: string, read: () => readonly LabelledTally[]): Metric<string> {
  const metric = {
    name,
    reset: () => {},
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: read().flatMap((tally) => toHistogram(name, tally)),
    }),
  };
  // A registry uses nothing but name, get and reset of a metric. Its type requires the whole class.
  return metric as unknown as Metric<string>;
}

function toHistogram(name: string, { labels, tally: { bucketCounts, sumSeconds } }: LabelledTally) {
  let count = 0;
  const buckets = bucketCounts.map((inBucket, index) => {
    count += inBucket;
    const le = LATENCY_BUCKETS[index] ?? '+Inf';
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sumSeconds },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
