import {
  DecisionCount,
  DecisionLatency,
  type DecisionStatistics as StatisticsMessage,
} from '../../generated/weir/admin/v1/overview_service.ts';
import type { MetricFamily, MetricValue } from '../../interfaces/metric-family.ts';

/** The metrics of decisions. */
export interface DecisionStatistics {
  /** By question, verdict and source. */
  readonly counts: MetricFamily;
  /** A histogram by question. */
  readonly latencies: MetricFamily;
}

export function toDecisionStatisticsMessage({ counts, latencies }: DecisionStatistics): StatisticsMessage {
  const byQuestion = Map.groupBy(latencies.values, ({ labels }) => String(labels.question));
  return {
    counts: counts.values.map(({ labels, value }) => DecisionCount.fromPartial({ ...labels, count: value })),
    latencies: Array.from(byQuestion, ([question, values]) => toLatencyMessage(question, values)),
  };
}

function toLatencyMessage(question: string, values: readonly MetricValue[]): DecisionLatency {
  const read = (suffix: string) => values.find(({ metricName }) => metricName?.endsWith(suffix))?.value ?? 0;
  const buckets = values
    .filter(({ labels }) => Number.isFinite(Number(labels.le))) // not +Inf, which is `count`
    .map(({ labels, value }) => ({ maxSeconds: Number(labels.le), count: value }));
  return DecisionLatency.fromPartial({ question, count: read('_count'), sumSeconds: read('_sum'), buckets });
}
