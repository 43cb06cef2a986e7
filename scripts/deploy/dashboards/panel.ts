/** A query of a panel: an expression in PromQL and the name of each series, where `{{label}}` stands for a label. */
export type Query = readonly [expression: string, legend: string];

/** Content of a panel. Its place follows from the order of the panels. */
export interface Panel {
  readonly kind: 'timeseries' | 'stat';
  readonly title: string;
  readonly description: string | undefined;
  /** Name of a unit in Grafana, such as `s` or `percentunit`. */
  readonly unit: string;
  readonly queries: readonly Query[];
}

/** A heading and the panels below it. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A dashboard. `name` is also the name of its file. */
export interface Dashboard {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly Row[];
}

/** A graph over time. */
export function graph(title: string, unit: string, queries: readonly Query[], description?: string): Panel {
  return { kind: 'timeseries', title, unit, queries, description };
}

/** A single number: the newest value of each series. */
export function stat(title: string, unit: string, queries: readonly Query[], description?: string): Panel {
  return { kind: 'stat', title, unit, queries, description };
}

/** Selects a metric of the nodes that the variables of the dashboard choose, with further matchers. */
export function select(metric: string, matchers = ''): string {
  return `${metric}{job="$job", instance=~"$instance"${matchers && `, ${matchers}`}}`;
}

/** Events a second, added up by labels. */
export function rate(metric: string, labels: string, matchers = ''): string {
  return `sum by (${labels}) (rate(${select(metric, matchers)}[$__rate_interval]))`;
}

/** A quantile of a histogram, by labels. */
export function quantile(share: number, metric: string, labels: string): string {
  const buckets = rate(`${metric}_bucket`, labels === '' ? 'le' : `le, ${labels}`);
  return `histogram_quantile(${share}, ${buckets})`;
}
