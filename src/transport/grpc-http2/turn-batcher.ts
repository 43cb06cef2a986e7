import type { TransportLogger } from '../transport-logger.ts';
import { GrpcStatus, type NetworkBatchHandler } from '../unary-call.ts';
import type { Http2Call } from './http2-call.ts';

/** A connection that is flushed at the end of a turn. */
export interface Flushable {
  flush(): void;
}

/**
 * Groups the work of all connections by turns of the event loop. At the end of each turn, the handler gets all calls
 * that the turn has completed as one batch; then each connection sends all its output with one write.
 *
 * It does more than batchCalls: it drops the calls that nobody waits for any more, flushes the connections, survives a
 * handler that throws, and measures how late the input of a turn is.
 */
export class TurnBatcher {
  readonly #handler: NetworkBatchHandler;
  readonly #log: TransportLogger | undefined;
  #calls: Http2Call[] = [];
  #connectionsToFlush: Flushable[] = [];
  #isScheduled = false;
  #startedAt = 0;
  #idleTimeAtStart = 0;
  #maxInputDelayMs = 0;

  constructor(handler: NetworkBatchHandler, log: TransportLogger | undefined) {
    this.#handler = handler;
    this.#log = log;
  }

  /**
   * The longest time for which the input of this turn may have waited unread, in ms. It is the time since the turn
   * before began. It is 0 if the event loop has been idle since then, because it idles only while there is no input.
   */
  get maxInputDelayMs(): number {
    return this.#maxInputDelayMs;
  }

  /** Begins a turn, unless one has begun, because input was read. `now` is in ms on the clock of performance.now(). */
  beginTurn(now: number): void {
    if (!this.#isScheduled) this.#schedule(now);
  }

  /** Adds a call to the batch of this turn. */
  addCall(call: Http2Call): void {
    this.#calls.push(call);
    if (!this.#isScheduled) this.#schedule(performance.now());
  }

  /** Has the connection flushed at the end of this turn. The caller must not schedule it twice. */
  scheduleFlush(connection: Flushable): void {
    this.#connectionsToFlush.push(connection);
    if (!this.#isScheduled) this.#schedule(performance.now());
  }

  #schedule(now: number): void {
    this.#isScheduled = true;
    const { idleTime } = performance.nodeTiming;
    this.#maxInputDelayMs = idleTime === this.#idleTimeAtStart ? now - this.#startedAt : 0;
    this.#idleTimeAtStart = idleTime;
    this.#startedAt = now;
    setImmediate(this.#endTurn); // runs after all input of the turn was read
  }

  readonly #endTurn = (): void => {
    this.#handleCalls();
    const connections = this.#connectionsToFlush;
    this.#connectionsToFlush = [];
    for (const connection of connections) connection.flush();
    this.#isScheduled = false;
    if (this.#calls.length > 0 || this.#connectionsToFlush.length > 0) this.#schedule(performance.now());
  };

  /** Passes the calls that still wait for a response to the handler. */
  #handleCalls(): void {
    if (this.#calls.length === 0) return;
    const now = performance.now();
    const batch: Http2Call[] = [];
    for (const call of this.#calls) {
      if (call.cancelled) call.discard();
      if (call.isSettled) continue;
      if (call.deadline === undefined || call.deadline > now) batch.push(call);
      else call.fail(GrpcStatus.DEADLINE_EXCEEDED, 'deadline exceeded before the call was decided');
    }
    this.#calls = [];
    if (batch.length > 0) this.#callHandler(batch);
  }

  #callHandler(batch: readonly Http2Call[]): void {
    try {
      this.#handler(batch);
    } catch (error) {
      this.#log?.warn({ err: error }, 'a batch of calls failed');
      for (const call of batch) {
        if (call.cancelled) call.discard();
        else if (!call.isSettled) call.fail(GrpcStatus.INTERNAL, 'internal error');
      }
    }
  }
}
