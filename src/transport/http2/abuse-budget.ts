/**
 * Budget for the overhead that a peer may cause: `burst` units at once, `perSecond` in the long run. It is a token
 * bucket without a clock of its own: callers pass the time in ms.
 */
export class AbuseBudget {
  readonly #burst: number;
  readonly #unitsPerMs: number;
  #available: number;
  #refilledAt: number | undefined;

  constructor(limit: { readonly burst: number; readonly perSecond: number }) {
    this.#burst = limit.burst;
    this.#unitsPerMs = limit.perSecond / 1000;
    this.#available = limit.burst;
  }

  /** Spends the units, and returns whether they were available. If they were not, the budget is in debt. */
  spend(units: number, now: number): boolean {
    this.#refill(now);
    this.#available -= units;
    return this.#available >= 0;
  }

  /** Returns the ms until a whole unit is available, or 0 when one is available now. */
  computeWaitMs(now: number): number {
    this.#refill(now);
    return Math.max(0, (1 - this.#available) / this.#unitsPerMs);
  }

  #refill(now: number): void {
    const elapsedMs = now - (this.#refilledAt ?? now);
    this.#available = Math.min(this.#burst, this.#available + elapsedMs * this.#unitsPerMs);
    this.#refilledAt = now;
  }
}
