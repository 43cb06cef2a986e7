/** Relative drift of a clock while NTP adjusts it is at most half of this. */
const MAX_DRIFT = 0.001;
const MICROS_PER_MS = 1000;

/**
 * Estimates the shard's clock from its replies. If a reply says that the shard's time was t, and arrives at local time b,
 * then the shard's time is at least t at b: `shard - local >= t - b`. The fastest recent reply gives the tightest bound.
 *
 * The estimate is a lower bound on purpose: a deadline that is converted to the shard's clock is never later than the local
 * one.
 */
export class ShardClock {
  #offsetMicros: number | undefined;
  #roundTripMs = 0;
  #sampledAt = 0;

  /** Adds a reply. Local times are in ms on the clock of performance.now(), the shard's is in µs. */
  addSample(sentAt: number, receivedAt: number, shardMicros: number): void {
    const roundTripMs = receivedAt - sentAt;
    const offsetMicros = shardMicros - receivedAt * MICROS_PER_MS;
    // A sample loses precision slowly as it ages: one slow reply must not replace a good bound.
    const uncertaintyMs = this.#roundTripMs + (receivedAt - this.#sampledAt) * MAX_DRIFT;
    if (roundTripMs <= uncertaintyMs || !this.#agreesWith(offsetMicros, roundTripMs)) {
      this.#offsetMicros = offsetMicros;
      this.#roundTripMs = roundTripMs;
      this.#sampledAt = receivedAt;
    }
  }

  /** Converts a local time to the shard's clock in whole µs, at most a little too early. undefined before a sample. */
  toShardTime(localMs: number): number | undefined {
    if (this.#offsetMicros === undefined) return undefined;
    return Math.floor(localMs * MICROS_PER_MS + this.#offsetMicros);
  }

  /** Converts a time of the shard in µs to the local clock in ms, at most a little too late. undefined before a sample. */
  toLocalTime(shardMicros: number): number | undefined {
    if (this.#offsetMicros === undefined) return undefined;
    return (shardMicros - this.#offsetMicros) / MICROS_PER_MS;
  }

  /** Forgets all samples. */
  reset(): void {
    this.#offsetMicros = undefined;
  }

  /**
   * Whether a sample fits the current one. Each says `bound <= true offset <= bound + round trip`. If these ranges do not
   * overlap, one of the clocks was set.
   */
  #agreesWith(offsetMicros: number, roundTripMs: number): boolean {
    if (this.#offsetMicros === undefined) return false;
    return (
      offsetMicros <= this.#offsetMicros + this.#roundTripMs * MICROS_PER_MS &&
      this.#offsetMicros <= offsetMicros + roundTripMs * MICROS_PER_MS
    );
  }
}
