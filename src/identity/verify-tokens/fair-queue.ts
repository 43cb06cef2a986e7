import { setTimeout as sleep } from 'node:timers/promises';

/** What a failure costs before the next token has its turn, in ms. */
const REST_OF_FAILURE = 1;
/** Failures so near to each other that they are rested for together: timers are no finer than a ms. */
const LONGEST_DEBT = 4;

/**
 * Lets one token after the other be verified, the senders by turns, so that who floods with forgeries waits behind
 * themselves. Each failure is rested for: forgeries get a bounded part of a core, however many there are.
 */
export class FairQueue {
  /** Those who wait, by sender; the sender who had a turn goes to the end. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #isTaken = false;
  #debt = 0;
  #debtAt = 0;

  /** Resolves when it is the caller's turn; `end` must follow. */
  begin(source: string): Promise<void> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const others = this.#waiting.get(source);
      if (others === undefined) this.#waiting.set(source, [resolve]);
      else others.push(resolve);
    });
  }

  end(hasFailed: boolean): void {
    if (hasFailed) void this.#rest().then(() => this.#next());
    else this.#next();
  }

  #next(): void {
    const first = this.#waiting.entries().next();
    if (first.done === true) {
      this.#isTaken = false;
      return;
    }
    const [source, waiting] = first.value;
    const resolve = waiting.shift();
    this.#waiting.delete(source);
    if (waiting.length > 0) this.#waiting.set(source, waiting);
    resolve?.();
  }

  async #rest(): Promise<void> {
    const now = performance.now();
    this.#debt = Math.max(0, this.#debt - (now - this.#debtAt)) + REST_OF_FAILURE;
    this.#debtAt = now;
    if (this.#debt < LONGEST_DEBT) return;
    await sleep(this.#debt);
  }
}
