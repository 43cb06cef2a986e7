import { StoreUnavailable } from '../../../decide/ports.ts';

/** Time limit of one script run, counted from its creation. */
export class Deadline {
  /** ms on the clock of performance.now(). */
  readonly expiresAt: number;
  readonly #durationMs: number;
  readonly #listeners: (() => void)[] = [];
  #isExpired = false;

  constructor(durationMs: number) {
    this.#durationMs = durationMs;
    this.expiresAt = performance.now() + durationMs;
  }

  /** Whether the caller already got StoreUnavailable. From then on nothing may be sent for this run. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** Registers a listener for the case that the deadline passes before the work settles. */
  onExpired(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Settles as `work` does, with errors mapped by `mapError`. Rejects with StoreUnavailable when the deadline passes first.
   * Does not use `finally`, which creates three promises for each batch.
   */
  enforce<T>(work: Promise<T>, mapError: (error: unknown) => unknown = (error) => error): Promise<T> {
    return new Promise((resolve, reject) => {
      const expire = () => {
        this.#isExpired = true;
        for (const listener of this.#listeners) listener();
        reject(new StoreUnavailable(`no reply from Redis within ${this.#durationMs} ms`));
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
        (value) => {
          clear();
          resolve(value);
        },
        (error: unknown) => {
          clear();
          reject(mapError(error));
        },
      );
    });
  }
}
