import { StoreUnavailable } from '../../../decide/ports.ts';
import type { PackedReply } from '../batch/packed-reply.ts';

export interface RunOptions {
  /** Time limit of the run, in ms. undefined: that of the shards. */
  readonly deadlineMs?: number | undefined;
  /**
   * For calls that may be executed late because they count once. The server may execute the call for this long after the
   * deadline, in ms, and the run settles with its reply, however late. Default: 0.
   */
  readonly patienceMs?: number;
  /** Called with a reply that comes after the deadline. The server executed the call before it. */
  readonly onLateReply?: (reply: PackedReply) => void;
}

/** Time limit of one script run, counted from its creation. */
export class Deadline {
  /** ms on the clock of performance.now(). */
  readonly expiresAt: number;
  readonly #durationMs: number;
  readonly #options: RunOptions;
  readonly #listeners: (() => void)[] = [];
  #isExpired = false;
  #noticedAt = 0;

  /** `defaultMs` is the time limit of runs that have none of their own, in ms. */
  constructor(defaultMs: number, options: RunOptions = {}) {
    this.#durationMs = options.deadlineMs ?? defaultMs;
    this.#options = options;
    this.expiresAt = performance.now() + this.#durationMs;
  }

  /** Whether the deadline has passed. From then on nothing may be sent for this run. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** How long after the deadline this process noticed that it has passed, in ms. 0 before that. */
  get noticedAfterMs(): number {
    return this.#isExpired ? this.#noticedAt - this.expiresAt : 0;
  }

  /** Until when the server may execute the call: ms on the clock of performance.now(). */
  get executableUntil(): number {
    return this.expiresAt + (this.#options.patienceMs ?? 0);
  }

  /** Registers a listener for the case that the deadline passes before the work settles. */
  onExpired(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Settles as `work` does, with errors mapped by `mapError`. Rejects with StoreUnavailable when the deadline passes first,
   * unless the run is patient. Does not use `finally`, which creates three promises for each batch.
   */
  enforce(work: Promise<PackedReply>, mapError: (error: unknown) => unknown = (error) => error): Promise<PackedReply> {
    const { patienceMs = 0, onLateReply } = this.#options;
    return new Promise((resolve, reject) => {
      const expire = () => {
        this.#isExpired = true;
        this.#noticedAt = performance.now();
        for (const listener of this.#listeners) listener();
        if (patienceMs === 0)
          reject(new StoreUnavailable(`no reply from Redis within ${this.#durationMs} ms`, 'deadline'));
      };
      // The event loop runs timers, then reads sockets, then runs immediates. So a reply that arrived while this process
      // was busy or stopped still counts.
      let immediate: NodeJS.Immediate | undefined;
      const timer = setTimeout(() => {
        immediate = setImmediate(expire);
      }, this.#durationMs);
      const clear = () => {
        clearTimeout(timer);
        clearImmediate(immediate);
      };
      work.then(
        (reply) => {
          clear();
          resolve(reply);
          if (this.#isExpired) onLateReply?.(reply);
        },
        (error: unknown) => {
          clear();
          reject(mapError(error));
        },
      );
    });
  }
}
