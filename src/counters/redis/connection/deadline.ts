import { StoreUnavailable } from '../../../decide/ports.ts';

/** How long a run may take, from when it was asked for. */
export class Deadline {
  /** ms on the clock of performance.now(). */
  readonly expiresAt: number;
  readonly #durationMs: number;
  readonly #whenOver: (() => void)[] = [];
  #isOver = false;

  constructor(durationMs: number) {
    this.#durationMs = durationMs;
    this.expiresAt = performance.now() + durationMs;
  }

  /** Whether the one who asked was told that there is no reply: nothing more may be sent for it. */
  get isExpired(): boolean {
    return this.#isOver;
  }

  /** Called if and when it is over without the work being settled. */
  onExpired(listener: () => void): void {
    this.#whenOver.push(listener);
  }

  /**
   * Settles as the work does, its errors turned by `failure`; rejects with StoreUnavailable if it has not by the deadline.
   * Without `finally`, which costs three promises for each batch.
   */
  enforce<T>(work: Promise<T>, failure: (error: unknown) => unknown = (error) => error): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#isOver = true;
        for (const listener of this.#whenOver) listener();
        reject(new StoreUnavailable(`no reply from Redis within ${this.#durationMs} ms`));
      };
      // After timers the event loop reads sockets, then come immediates: a reply that was waiting while this process
      // was busy, or stopped, still counts.
      let immediate: NodeJS.Immediate | undefined;
      const timer = setTimeout(() => {
        immediate = setImmediate(giveUp);
      }, this.#durationMs);
      const settle = () => {
        clearTimeout(timer);
        clearImmediate(immediate);
      };
      work.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(failure(error));
        },
      );
    });
  }
}
