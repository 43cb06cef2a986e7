/** Allows `burst` units at once and `perSecond` in the long run; time is passed in ms. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #left: number;
  #updatedAt: number | undefined;

  constructor(limit: { readonly burst: number; readonly perSecond: number }) {
    this.#burst = limit.burst;
    this.#perMs = limit.perSecond / 1000;
    this.#left = limit.burst;
  }

  /** Whether it was there to take; it is taken all the same, so that the debt has to be waited off. */
  take(units: number, now: number): boolean {
    this.#refill(now);
    this.#left -= units;
    return this.#left >= 0;
  }

  /** ms until something is there to take; 0: now. */
  wait(now: number): number {
    this.#refill(now);
    return Math.max(0, (1 - this.#left) / this.#perMs);
  }

  #refill(now: number): void {
    this.#left = Math.min(this.#burst, this.#left + (now - (this.#updatedAt ?? now)) * this.#perMs);
    this.#updatedAt = now;
  }
}
