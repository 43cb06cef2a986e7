import { VIRTUAL_TAG_COUNT } from '../redis/batch/counter-key.ts';

/** Longest time for which decisions on lost counters wait for their restore. */
export const MAX_HOLD_MS = 2_000;

/**
 * The tags whose counters may be lost. Decisions on their quotas follow on_store_failure until the counters are restored, and
 * for up to 2 s. With counters in Redis, restore-on-demand.ts holds single counters of a tag longer or shorter.
 */
export class HeldTags {
  /** By tag, when the hold ends, on the clock of performance.now(). */
  readonly #heldUntil = new Map<number, number>();

  /** Holds a tag from now on, unless it is held already. */
  hold(tag: number): void {
    if (!this.has(tag)) this.#heldUntil.set(tag, performance.now() + MAX_HOLD_MS);
  }

  holdAll(): void {
    for (let tag = 0; tag < VIRTUAL_TAG_COUNT; tag++) this.hold(tag);
  }

  release(tag: number): void {
    this.#heldUntil.delete(tag);
  }

  /** Number of tags whose counters may be lost, those that are held no longer included. */
  get size(): number {
    return this.#heldUntil.size;
  }

  /** Whether counters of the tag may be lost. */
  isLost(tag: number): boolean {
    return this.#heldUntil.has(tag);
  }

  /** Whether decisions on any tag have to wait. */
  get isHolding(): boolean {
    return [...this.#heldUntil.keys()].some((tag) => this.has(tag));
  }

  /** Whether decisions on the tag have to wait. */
  has(tag: number): boolean {
    const heldUntil = this.#heldUntil.get(tag);
    return heldUntil !== undefined && performance.now() < heldUntil;
  }

  /** Whether decisions on the tag were not held until its counters were restored, because that took too long. */
  isOverdue(tag: number): boolean {
    const heldUntil = this.#heldUntil.get(tag);
    return heldUntil !== undefined && performance.now() >= heldUntil;
  }
}
