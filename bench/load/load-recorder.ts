/** Buckets per doubling of the latency: each is 1.1% wide. */
const STEPS = 64;
/** From 1 µs up to 2^24 µs, 16 s. */
const BUCKETS = 24 * STEPS;

/** What came back, and how long it took. Records a call without allocating. */
export class LoadTally {
  ok = 0;
  overLimit = 0;
  errors = 0;
  /** What can be read of the header block of the last error: the status, unless the server encodes it by Huffman. */
  lastError = '';
  readonly #latencies = new Uint32Array(BUCKETS);

  get calls(): number {
    return this.ok + this.overLimit + this.errors;
  }

  recordLatency(milliseconds: number): void {
    const bucket = Math.floor(Math.log2(milliseconds * 1000) * STEPS);
    const index = Math.min(Math.max(bucket, 0), BUCKETS - 1);
    this.#latencies[index] = (this.#latencies[index] ?? 0) + 1;
  }

  summary() {
    const { ok, overLimit, errors, lastError } = this;
    return {
      ok,
      overLimit,
      errors,
      lastError,
      p50: this.#quantile(0.5),
      p99: this.#quantile(0.99),
      p999: this.#quantile(0.999),
    };
  }

  /** Milliseconds: the middle of the bucket in which the quantile lies. */
  #quantile(share: number): number {
    let left = share * this.#latencies.reduce((sum, count) => sum + count, 0);
    const index = this.#latencies.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return 2 ** ((index + 0.5) / STEPS) / 1000;
  }
}
