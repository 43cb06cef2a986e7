/** A metric with all its series, as plain data. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  /** How equal series of several processes become one. */
  readonly aggregator: 'sum' | 'min' | 'max' | 'average';
  readonly values: readonly MetricValue[];
}

/** The value of a metric for one combination of labels. */
export interface MetricValue {
  /** Name in the exposition, where it differs from that of the family, as with `_bucket` of a histogram. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}
