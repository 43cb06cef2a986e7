/** A clock being set right by NTP goes wrong by at most half of this. */
const DRIFT = 0.001;
const MICROSECONDS_PER_MS = 1000;

/**
 * The shard's clock as seen from here, learned from replies. A shard that said t in a reply that came back at local time
 * b is at least at t now, so `shard − local ≥ t − b`; the quickest reply of late gives the narrowest bound. It is a
 * lower bound on purpose: a deadline moved to the shard's clock by it is never later than the local one.
 */
export class ShardClock {
  #offset: number | undefined;
  #roundTrip = 0;
  #learnedAt = 0;

  /** Local times in ms on the clock of performance.now(), the shard's in µs. */
  addSample(sentAt: number, receivedAt: number, shardTime: number): void {
    const roundTrip = receivedAt - sentAt;
    const offset = shardTime - receivedAt * MICROSECONDS_PER_MS;
    // What is known grows vague with age, little by little: one slow reply must not make a good bound a bad one.
    const vagueness = this.#roundTrip + (receivedAt - this.#learnedAt) * DRIFT;
    if (roundTrip <= vagueness || !this.#agrees(offset, roundTrip)) {
      this.#offset = offset;
      this.#roundTrip = roundTrip;
      this.#learnedAt = receivedAt;
    }
  }

  /** A local time on the shard's clock in whole µs, or a little before; undefined until something was learned. */
  toShardTime(localMs: number): number | undefined {
    if (this.#offset === undefined) return undefined;
    return Math.floor(localMs * MICROSECONDS_PER_MS + this.#offset);
  }

  reset(): void {
    this.#offset = undefined;
  }

  /** Both samples say `bound ≤ true offset ≤ bound + round trip`; when these do not meet, one of the clocks was set. */
  #agrees(offset: number, roundTrip: number): boolean {
    if (this.#offset === undefined) return false;
    return (
      offset <= this.#offset + this.#roundTrip * MICROSECONDS_PER_MS &&
      this.#offset <= offset + roundTrip * MICROSECONDS_PER_MS
    );
  }
}
