/** Histogram buckets for each doubling of the latency, so a bucket is 1.1% wide. */
const BUCKETS_PER_DOUBLING = 64;
/** The buckets cover 1 µs to 2^24 µs, which is 16 s. */
const BUCKET_COUNT = 24 * BUCKETS_PER_DOUBLING;

/** Counts verdicts and keeps a histogram of latencies. Records a call without allocating. */
export class LoadRecorder {
  ok = 0;
  overLimit = 0;
  /** Calls that ended without a verdict. */
  errors = 0;
  /** Readable part of the last error's header block. Contains the status, unless the server encodes it with Huffman. */
  lastError = '';
  readonly #latencies = new Uint32Array(BUCKET_COUNT);

  get calls(): number {
    return this.ok + this.overLimit + this.errors;
  }

  recordLatency(milliseconds: number): void {
    const bucket = Math.floor(Math.log2(milliseconds * 1000) * BUCKETS_PER_DOUBLING);
    const index = Math.min(Math.max(bucket, 0), BUCKET_COUNT - 1);
    this.#latencies[index] = (this.#latencies[index] ?? 0) + 1;
  }

  summarize() {
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

  /** Latency in ms: the middle of the bucket that contains the quantile. */
  #quantile(share: number): number {
    let remaining = share * this.#latencies.reduce((sum, count) => sum + count, 0);
    const index = this.#latencies.findIndex((count) => {
      remaining -= count;
      return remaining <= 0;
    });
    return 2 ** ((index + 0.5) / BUCKETS_PER_DOUBLING) / 1000;
  }
}
