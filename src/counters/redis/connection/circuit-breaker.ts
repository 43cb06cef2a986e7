export type BreakerState = 'closed' | 'open' | 'half-open';

/** Consecutive timeouts that open the breaker. One or two may be the network's fault. */
const MIN_TIMEOUTS_TO_OPEN = 3;
/**
 * Least time that these timeouts must span. A server that forks to save its data is silent for about 10 ms per GB
 * (redis.io, "Diagnosing latency issues"), and a busy node times out many calls in that time.
 */
const MIN_SILENCE_TO_OPEN_MS = 200;
/** Longest time until the breaker notices that a server is back. */
const PROBE_INTERVAL_MS = 250;
/** The same after a reply that came too late: the server may be back. */
const PROBE_INTERVAL_AFTER_LATE_REPLY_MS = 25;

/**
 * Decides whether to call a server, or to treat it as silent so that nobody waits for it in vain. Each connection has its
 * own breaker: a silent server of a cluster does not affect the others.
 *
 * Only silence counts. A server that rejects a command replies at once, and a lost connection fails at once.
 *
 * All times are in ms on one monotonic clock, such as performance.now().
 */
export class CircuitBreaker {
  #repliedAt = Number.NEGATIVE_INFINITY;
  #timeouts = 0;
  #silentSince = 0;
  #openedAt: number | undefined;
  #probedAt = 0;
  #hasLateReply = false;

  /** `half-open`: open, and a probe is in flight. */
  get state(): BreakerState {
    if (this.#openedAt === undefined) return 'closed';
    return this.#probedAt > this.#openedAt ? 'half-open' : 'open';
  }

  /**
   * Returns whether a call may be sent at `now`. While open, it allows one probe every 250 ms, even if nobody recorded the
   * result of the last one, and one 25 ms after the last if a reply has come since.
   */
  allowCall(now: number): boolean {
    if (this.#openedAt === undefined) return true;
    if (!this.wouldAllowCall(now)) return false;
    this.#probedAt = now;
    this.#hasLateReply = false;
    return true;
  }

  /** Returns whether `allowCall` would allow a call at `now`. */
  wouldAllowCall(now: number): boolean {
    if (this.#openedAt === undefined) return true;
    const intervalMs = this.#hasLateReply ? PROBE_INTERVAL_AFTER_LATE_REPLY_MS : PROBE_INTERVAL_MS;
    return now - Math.max(this.#openedAt, this.#probedAt) >= intervalMs;
  }

  /** Records a reply in time, whatever it says. Returns whether that closed the breaker. */
  recordReply(now: number): boolean {
    const wasOpen = this.#openedAt !== undefined;
    this.#repliedAt = now;
    this.#timeouts = 0;
    this.#openedAt = undefined;
    this.#hasLateReply = false;
    return wasOpen;
  }

  /** Records a reply that came too late. While open, the next probe may follow sooner, but the breaker stays open. */
  recordLateReply(): void {
    this.#hasLateReply = this.#openedAt !== undefined;
  }

  /** Records that a call sent at `sentAt` timed out at `now`. Returns whether that opened the breaker. */
  recordTimeout(sentAt: number, now: number): boolean {
    if (this.#openedAt !== undefined) {
      // Calls that were in flight when the breaker opened say nothing new; a failed probe does.
      if (sentAt >= this.#probedAt && this.#probedAt > this.#openedAt) this.#openedAt = now;
      return false;
    }
    if (this.#timeouts === 0) this.#silentSince = Math.max(sentAt, this.#repliedAt);
    this.#timeouts++;
    if (this.#timeouts < MIN_TIMEOUTS_TO_OPEN || now - this.#silentSince < MIN_SILENCE_TO_OPEN_MS) return false;
    this.#openedAt = now;
    return true;
  }
}
