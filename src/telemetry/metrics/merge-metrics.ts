import type { MetricFamily, MetricValue } from '../../interfaces/metric-family.ts';

/** How equal series of several processes become one. */
const AGGREGATIONS: Readonly<Record<MetricFamily['aggregator'], (values: readonly number[]) => number>> = {
  sum,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  average: (values) => sum(values) / values.length,
};

/** Merges the metrics of several processes: equal series become one, as the family says. */
export function mergeMetrics(processes: readonly (readonly MetricFamily[])[]): readonly MetricFamily[] {
  const byName = new Map<string, MetricFamily[]>();
  for (const family of processes.flat()) {
    const same = byName.get(family.name);
    if (same === undefined) byName.set(family.name, [family]);
    else same.push(family);
  }
  return Array.from(byName.values(), mergeFamilies);
}

function mergeFamilies(families: readonly MetricFamily[]): MetricFamily {
  const [first] = families;
  if (first === undefined) throw new Error('there must be a family to merge');
  if (families.length === 1) return first;
  const series = new Map<string, { readonly value: MetricValue; readonly numbers: number[] }>();
  for (const value of families.flatMap(({ values }) => values)) {
    const name = nameSeries(value);
    const known = series.get(name);
    if (known === undefined) series.set(name, { value, numbers: [value.value] });
    else known.numbers.push(value.value);
  }
  const aggregate = AGGREGATIONS[first.aggregator];
  return {
    ...first,
    values: Array.from(series.values(), ({ value, numbers }) => ({ ...value, value: aggregate(numbers) })),
  };
}

function nameSeries({ metricName, labels }: MetricValue): string {
  return JSON.stringify([metricName, Object.entries(labels).toSorted(([left], [right]) => (left < right ? -1 : 1))]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
