/**
 * Upper bounds of the buckets, in seconds: 50 µs to 1 s. Envoy's timeouts for the calls of the data plane are 20 and 200 ms.
 */
export const LATENCY_BUCKETS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];

/** Counts durations by bucket, in plain numbers: it is called for every decision. */
export class LatencyTally {
  /** One count for each of LATENCY_BUCKETS, then one for all longer times. Not cumulative. */
  readonly bucketCounts: number[] = [...LATENCY_BUCKETS.map(() => 0), 0];
  sumSeconds = 0;

  /** Records that `count` calls took this long. */
  observe(seconds: number, count = 1): void {
    let bucket = LATENCY_BUCKETS.findIndex((bound) => seconds <= bound);
    if (bucket < 0) bucket = LATENCY_BUCKETS.length;
    this.bucketCounts[bucket] = (this.bucketCounts[bucket] ?? 0) + count;
    this.sumSeconds += seconds * count;
  }
}
