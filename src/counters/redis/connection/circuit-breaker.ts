export type BreakerState = 'closed' | 'open' | 'half-open';

/** In a row, all without an answer in time; with one or two, it may just as well have been the network. */
const TRIPPING_SILENCES = 3;
/**
 * That all of them span, at least. A server that forks to save itself is silent for about 10 ms per GB (redis.io,
 * "Diagnosing latency issues"), in which a busy node gives up many calls.
 */
const TRIPPING_MS = 200;
/** Until a server that is back is noticed. */
const PROBE_EVERY_MS = 250;

/**
 * Whether a server is asked, or taken for silent without asking, so that nobody waits for it in vain. There is one for
 * each connection: a silent server of a cluster closes nothing for the others.
 *
 * Only silence counts. Who refuses a command answers at once, and so does a connection that is not there.
 *
 * All times are ms on one clock that does not run back, such as performance.now().
 */
export class CircuitBreaker {
  #answeredAt = Number.NEGATIVE_INFINITY;
  #silences = 0;
  #silentSince = 0;
  #openedAt: number | undefined;
  #probedAt = 0;

  /** Half-open: open, and a probe is on its way. */
  get state(): BreakerState {
    if (this.#openedAt === undefined) return 'closed';
    return this.#probedAt > this.#openedAt ? 'half-open' : 'open';
  }

  /**
   * Whether a call may be sent at `now`. While open, one call may every 250 ms, also where nobody told what became of the
   * one before.
   */
  allowCall(now: number): boolean {
    if (this.#openedAt === undefined) return true;
    if (now - Math.max(this.#openedAt, this.#probedAt) < PROBE_EVERY_MS) return false;
    this.#probedAt = now;
    return true;
  }

  /** An answer came in time, whatever it says. Whether that closed it. */
  recordReply(now: number): boolean {
    const wasOpen = this.#openedAt !== undefined;
    this.#answeredAt = now;
    this.#silences = 0;
    this.#openedAt = undefined;
    return wasOpen;
  }

  /** A call that was sent at `sentAt` was given up at `now`. Whether that opened it. */
  recordTimeout(sentAt: number, now: number): boolean {
    if (this.#openedAt !== undefined) {
      // Of those that were on their way when it opened, the later ones say nothing new.
      if (sentAt >= this.#probedAt && this.#probedAt > this.#openedAt) this.#openedAt = now;
      return false;
    }
    if (this.#silences === 0) this.#silentSince = Math.max(sentAt, this.#answeredAt);
    this.#silences++;
    if (this.#silences < TRIPPING_SILENCES || now - this.#silentSince < TRIPPING_MS) return false;
    this.#openedAt = now;
    return true;
  }
}
