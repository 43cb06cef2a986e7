import { Counter, Gauge, type Registry } from 'prom-client';
import type { MetricFamily } from '../../interfaces/metric-family.ts';

/**
 * Registers a gauge whose value `read` returns at each scrape; undefined: it keeps the one that it has. `aggregator` says
 * what the value of a node with several workers is.
 */
export function registerGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number | undefined,
  aggregator: MetricFamily['aggregator'] = 'sum',
): void {
  new Gauge({
    name,
    help,
    aggregator,
    registers: [registry],
    collect() {
      const value = read();
      if (value !== undefined) this.set(value);
    },
  });
}

/**
 * Registers a counter with several labels. `readCounts` returns its values at each scrape: the fields of a count, other than
 * `count`, are its labels.
 */
export function registerTallies(
  registry: Registry,
  readCounts: () => Iterable<{ readonly count: number }>,
  description: {
    readonly name: string;
    readonly help: string;
    readonly labelNames: string[];
    /** How the values of several workers become one. undefined: they are added up. */
    readonly aggregator?: MetricFamily['aggregator'];
  },
): void {
  new Counter({
    ...description,
    registers: [registry],
    collect() {
      this.reset();
      for (const { count, ...labels } of readCounts()) this.inc(labels, count);
    },
  });
}

/** Registers a counter whose value `read` returns at each scrape. */
export function registerTotal(registry: Registry, name: string, help: string, read: () => number): void {
  registerTallies(registry, () => [{ count: read() }], { name, help, labelNames: [] });
}

/** Name, help text and the one label of a metric. */
interface LabelledMetric {
  readonly name: string;
  readonly help: string;
  readonly label: string;
}

/** Registers a counter with one label. `read` returns its values by the value of the label at each scrape. */
export function registerTotals(
  registry: Registry,
  { name, help, label }: LabelledMetric,
  read: () => Iterable<readonly [value: string, count: number]>,
): void {
  const readCounts = () => Array.from(read(), ([value, count]) => ({ [label]: value, count }));
  registerTallies(registry, readCounts, { name, help, labelNames: [label] });
}
