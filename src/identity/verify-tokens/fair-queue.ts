import { setTimeout as sleep } from 'node:timers/promises';

/** Pause that a failure costs before the next turn. */
const FAILURE_PAUSE_MS = 1;
/** Pauses are saved up to this length before they are taken, because timers are no finer than 1 ms. */
const MIN_PAUSE_MS = 4;

/**
 * Gives out turns: one token is validated at a time. Senders alternate, so a sender who floods Weir with forgeries only
 * waits behind themselves. Each failure costs a pause, so forgeries get a bounded part of a core, however many there
 * are.
 */
export class FairQueue {
  /** Callers that wait for a turn, by sender. The sender who just had a turn moves to the end. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #isBusy = false;
  /** Pauses not yet taken, as of `#pauseUpdatedAt`. Time that passes counts as a pause. */
  #pauseMs = 0;
  #pauseUpdatedAt = 0;

  /** Resolves when it is the caller's turn. The caller must then call `release`. */
  acquire(sender: string): Promise<void> {
    if (!this.#isBusy) {
      this.#isBusy = true;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const ofSender = this.#waiting.get(sender);
      if (ofSender === undefined) this.#waiting.set(sender, [resolve]);
      else ofSender.push(resolve);
    });
  }

  /** Ends the turn. */
  release(hasFailed: boolean): void {
    if (hasFailed) void this.#pauseForFailure().then(() => this.#startNext());
    else this.#startNext();
  }

  #startNext(): void {
    const first = this.#waiting.entries().next();
    if (first.done === true) {
      this.#isBusy = false;
      return;
    }
    const [sender, ofSender] = first.value;
    const startTurn = ofSender.shift();
    if (startTurn === undefined) throw new Error('ofSender: must not be empty'); // else nobody would get a turn again
    this.#waiting.delete(sender);
    if (ofSender.length > 0) this.#waiting.set(sender, ofSender);
    startTurn();
  }

  async #pauseForFailure(): Promise<void> {
    const now = performance.now();
    this.#pauseMs = Math.max(0, this.#pauseMs - (now - this.#pauseUpdatedAt)) + FAILURE_PAUSE_MS;
    this.#pauseUpdatedAt = now;
    if (this.#pauseMs < MIN_PAUSE_MS) return;
    await sleep(this.#pauseMs);
  }
}
