import type {
  DecisionLatencyJson,
  GetOverviewResponseJson,
} from '../../generated/weir/admin/v1/overview_service_pb.js';

/** The rates between two readings of the counts. */
export interface Interval {
  /** Unix time of the later reading, in seconds. */
  readonly time: number;
  /** Decisions per second, by verdict. */
  readonly byVerdict: ReadonlyMap<string, number>;
  /** Decisions per second, by the part that decided. */
  readonly bySource: ReadonlyMap<string, number>;
  readonly perSecond: number;
  readonly refusedPerSecond: number;
  /** In seconds; undefined: there were no calls, or it is beyond the largest bucket. */
  readonly p99: number | undefined;
}

/** Verdicts that let a request in. All others refuse it. */
const GRANTING: ReadonlySet<string> = new Set(['ok', 'allowed', 'anonymous', 'would_deny']);

/** Computes the rates between two readings. undefined: a count is lower than before, because it was started again. */
export function computeInterval(
  earlier: GetOverviewResponseJson,
  later: GetOverviewResponseJson,
): Interval | undefined {
  const time = readSeconds(later);
  const seconds = time - readSeconds(earlier);
  const before = countByOutcome(earlier);
  const rates = [...countByOutcome(later)].map(([outcome, { verdict, source, count }]) => ({
    ...{ verdict, source },
    rate: (count - (before.get(outcome)?.count ?? 0)) / seconds,
  }));
  if (seconds <= 0 || rates.some(({ rate }) => rate < 0)) return undefined;
  const refused = rates.filter(({ verdict }) => !GRANTING.has(verdict));
  return {
    time,
    byVerdict: sumBy(rates, ({ verdict }) => verdict),
    bySource: sumBy(rates, ({ source }) => source),
    perSecond: sum(rates),
    refusedPerSecond: sum(refused),
    p99: computeQuantile(0.99, earlier.decisions?.latencies ?? [], later.decisions?.latencies ?? []),
  };
}

interface Rate {
  readonly verdict: string;
  readonly source: string;
  readonly rate: number;
}

function sum(rates: readonly Rate[]): number {
  return rates.reduce((total, { rate }) => total + rate, 0);
}

function sumBy(rates: readonly Rate[], by: (rate: Rate) => string): ReadonlyMap<string, number> {
  const groups = Map.groupBy(rates, by);
  return new Map([...groups].map(([name, group]) => [name, sum(group)]));
}

function readSeconds({ readTime = '' }: GetOverviewResponseJson): number {
  return Date.parse(readTime) / 1000;
}

function countByOutcome({ decisions }: GetOverviewResponseJson) {
  return new Map(
    (decisions?.counts ?? []).map(({ question = '', verdict = '', source = '', count = 0 }) => [
      `${question} ${verdict} ${source}`,
      { verdict, source, count: Number(count) },
    ]),
  );
}

/** The upper end of the bucket that holds the quantile of the calls between two readings, of both questions together. */
function computeQuantile(
  quantile: number,
  earlier: readonly DecisionLatencyJson[],
  later: readonly DecisionLatencyJson[],
): number | undefined {
  const before = sumBuckets(earlier);
  const calls = sumCounts(later) - sumCounts(earlier);
  if (calls <= 0) return undefined;
  return [...sumBuckets(later)]
    .sort(([a], [b]) => a - b)
    .find(([maxSeconds, count]) => count - (before.get(maxSeconds) ?? 0) >= quantile * calls)?.[0];
}

function sumCounts(latencies: readonly DecisionLatencyJson[]): number {
  return latencies.reduce((total, { count = 0 }) => total + Number(count), 0);
}

/** Calls that took at most a time, by that time in seconds. */
function sumBuckets(latencies: readonly DecisionLatencyJson[]): ReadonlyMap<number, number> {
  const sums = new Map<number, number>();
  for (const { maxSeconds = 0, count = 0 } of latencies.flatMap(({ buckets = [] }) => buckets)) {
    sums.set(Number(maxSeconds), (sums.get(Number(maxSeconds)) ?? 0) + Number(count));
  }
  return sums;
}
