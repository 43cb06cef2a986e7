/** The calls that wait, in the order in which they have turns. */
export interface WaitingCalls {
  /** Adds a call. Returns the function that removes it again. */
  add(key: string, start: () => void): () => void;
  /** Removes and returns the call whose turn it is. undefined: none waits. */
  takeNext(): (() => void) | undefined;
}

export interface TurnGateOptions {
  readonly waiting: WaitingCalls;
  /** Calls that run at the same time. */
  readonly maxRunning: number;
  readonly maxWaitMs: number;
}

/** Lets a bounded number of calls run, and the others wait for their turn. */
export class TurnGate {
  readonly #options: TurnGateOptions;
  #running = 0;

  constructor(options: TurnGateOptions) {
    this.#options = options;
  }

  /** Runs a call when it is its turn. If that takes too long, calls `onTimeout`, which throws. */
  async run<T>(key: string, call: () => Promise<T>, onTimeout: () => never): Promise<T> {
    if (this.#running < this.#options.maxRunning) this.#running += 1;
    else if (!(await this.#waitForTurn(key))) return onTimeout();
    try {
      return await call();
    } finally {
      this.#passTurn();
    }
  }

  /** Resolves to whether the call has its turn in time. */
  #waitForTurn(key: string): Promise<boolean> {
    const { waiting, maxWaitMs } = this.#options;
    return new Promise((resolve) => {
      const leave = waiting.add(key, () => {
        clearTimeout(timeout);
        resolve(true);
      });
      const timeout = setTimeout(() => {
        leave();
        resolve(false);
      }, maxWaitMs);
    });
  }

  /** Passes the turn of a call that has ended to one that waits. `#running` then stays the same. */
  #passTurn(): void {
    const start = this.#options.waiting.takeNext();
    if (start === undefined) this.#running -= 1;
    else start();
  }
}
