import { GenerationalMap } from '../../collections/generational-map.ts';
import type { Charge, ChargeOutcome } from '../../decide/ports.ts';

/**
 * The outcome that the store reported for one charge of a rejected decision. Times are µs on one clock of this process.
 */
export interface CachedOutcome {
  /** The charge that the outcome belongs to. It names the counter. */
  readonly charge: Charge;
  readonly outcome: ChargeOutcome;
  /** Before the store decided. */
  readonly askedAt: number;
  /** After the store decided. */
  readonly reportedAt: number;
}

/**
 * Marks a counter that may have more free hits since `reportedAt`: outcomes that were asked for earlier are outdated.
 */
interface Invalidation {
  readonly charge: Charge;
  readonly reportedAt: number;
}

type Entry = CachedOutcome | Invalidation;

/** How long a cached outcome may be used. */
export const MAX_REFUSAL_MICROS = 250_000;
/** In each of the two generations: a few MB. */
const MAX_SUBJECTS = 10_000;
const NO_ENTRIES: readonly Entry[] = [];

/**
 * Caches counters of rejected decisions by subject. A generation takes entries for MAX_REFUSAL_MICROS, or until it is
 * full.
 */
export class RecentRefusals {
  readonly #entries = new GenerationalMap<string, readonly Entry[]>();
  #generationStart = 0;

  /** Reports whether nothing is cached at `now`. */
  isEmpty(now: number): boolean {
    if (this.#entries.size > 0 && now - this.#generationStart >= MAX_REFUSAL_MICROS) this.#startGeneration(now);
    return this.#entries.size === 0;
  }

  /** Finds an outcome for the same hits and the same limit object. A reloaded limit is another object. */
  find({ subject, limit, hits }: Charge): CachedOutcome | undefined {
    for (const entry of this.#entriesFor(subject)) {
      if (entry.charge.limit === limit) return 'outcome' in entry && entry.charge.hits === hits ? entry : undefined;
    }
    return undefined;
  }

  /** Caches the outcome, unless its counter was invalidated after the store was asked. */
  add(cached: CachedOutcome): void {
    const previous = this.#entriesFor(cached.charge.subject).find((entry) => isSameCounter(entry, cached));
    if (previous !== undefined && !('outcome' in previous) && cached.askedAt <= previous.reportedAt) return;
    this.#put(cached);
  }

  /** Drops what is cached about the counter of a charge, which changed at `reportedAt` at the latest. */
  invalidate(charge: Charge, reportedAt: number): void {
    this.#put({ charge, reportedAt });
  }

  #put(entry: Entry): void {
    const { charge, reportedAt } = entry;
    if (this.#entries.size === 0) this.#generationStart = reportedAt;
    if (this.#entries.youngSize >= MAX_SUBJECTS && this.#entries.getYoung(charge.subject) === undefined) {
      this.#startGeneration(reportedAt);
    }
    const others = this.#entriesFor(charge.subject).filter(
      (other) => !isSameCounter(other, entry) && reportedAt - other.reportedAt < MAX_REFUSAL_MICROS,
    );
    this.#entries.set(charge.subject, [...others, entry]);
  }

  #entriesFor(subject: string): readonly Entry[] {
    return this.#entries.get(subject) ?? NO_ENTRIES;
  }

  #startGeneration(now: number): void {
    if (now - this.#generationStart < 2 * MAX_REFUSAL_MICROS) this.#entries.rotate();
    else this.#entries.clear(); // all entries have expired
    this.#generationStart = now;
  }
}

/** Compares the limits of two entries of one subject. */
function isSameCounter(one: Entry, other: Entry): boolean {
  return one.charge.limit.identity === other.charge.limit.identity;
}
