import type { WarningLogger } from '../../interfaces/logger.ts';
import { type BatchHandler, GrpcStatus } from '../unary-call.ts';
import type { Http2Call } from './http2-call.ts';

/** What a turn flushes at its end. */
export interface Flushable {
  flush(): void;
}

/**
 * Gathers what one turn of the event loop brings over all connections: the calls complete in it go to the handler as
 * one batch, then each connection sends all its answers by one write.
 */
export class TurnBatcher {
  readonly #handler: BatchHandler;
  readonly #log: WarningLogger | undefined;
  #calls: Http2Call[] = [];
  #touched: Flushable[] = [];
  #isScheduled = false;
  #startedAt = 0;
  #idleBefore = 0;
  #lateness = 0;

  constructor(handler: BatchHandler, log: WarningLogger | undefined) {
    this.#handler = handler;
    this.#log = log;
  }

  /**
   * How long (ms) what this turn reads may have lain unread: since the turn before began, unless the loop has waited for
   * input in between, which it does only when there is none.
   */
  get lateness(): number {
    return this.#lateness;
  }

  /** Input was read at this time (ms): begins a turn, or goes on with it. */
  enter(now: number): void {
    if (!this.#isScheduled) this.#schedule(now);
  }

  complete(call: Http2Call): void {
    this.#calls.push(call);
    if (!this.#isScheduled) this.#schedule(performance.now());
  }

  touch(connection: Flushable): void {
    this.#touched.push(connection);
    if (!this.#isScheduled) this.#schedule(performance.now());
  }

  #schedule(now: number): void {
    this.#isScheduled = true;
    const idle = performance.nodeTiming.idleTime;
    this.#lateness = idle === this.#idleBefore ? now - this.#startedAt : 0;
    this.#idleBefore = idle;
    this.#startedAt = now;
    setImmediate(this.#end); // after all input of the turn
  }

  readonly #end = (): void => {
    this.#decide();
    const touched = this.#touched;
    this.#touched = [];
    for (const connection of touched) connection.flush();
    this.#isScheduled = false;
    if (this.#calls.length > 0 || this.#touched.length > 0) this.#schedule(performance.now());
  };

  #decide(): void {
    if (this.#calls.length === 0) return;
    const now = performance.now();
    const batch: Http2Call[] = [];
    for (const call of this.#calls) {
      if (!call.isWaiting) continue;
      if (call.deadline === undefined || call.deadline > now) batch.push(call);
      else call.fail(GrpcStatus.DEADLINE_EXCEEDED, 'deadline exceeded before the call was decided');
    }
    this.#calls = [];
    if (batch.length > 0) this.#handOn(batch);
  }

  #handOn(batch: readonly Http2Call[]): void {
    try {
      this.#handler(batch);
    } catch (error) {
      this.#log?.warn({ err: error }, 'a batch of calls failed');
      for (const call of batch) if (call.isWaiting) call.fail(GrpcStatus.INTERNAL, 'internal error');
    }
  }
}
