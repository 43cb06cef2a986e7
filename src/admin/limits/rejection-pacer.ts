import { setTimeout as sleep } from 'node:timers/promises';

/** Rejections of one second that are sent at once. Further ones are sent after the delay. */
const MAX_QUICK_REJECTIONS = 200;
const DELAY_MS = 250;

/** Slows rejections down. A client that repeats a rejected call at once would keep this process busy with rejecting it. */
export class RejectionPacer {
  /** Second on the clock of performance.now() to which `#rejections` belongs. */
  #second = 0;
  #rejections = 0;

  /** Resolves when the next rejection may be sent. */
  async pace(): Promise<void> {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) [this.#second, this.#rejections] = [second, 0];
    this.#rejections += 1;
    if (this.#rejections > MAX_QUICK_REJECTIONS) await sleep(DELAY_MS);
  }
}
