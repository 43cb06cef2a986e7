/** Requests by the outcome that clients can see, and hits of those that were allowed. */
export const COUNTS = ['allowed', 'refused', 'denied', 'hits'] as const;
export type Counts = Readonly<Record<(typeof COUNTS)[number], number>>;

export const NO_COUNTS: Counts = { allowed: 0, refused: 0, denied: 0, hits: 0 };

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    allowed: a.allowed + b.allowed,
    refused: a.refused + b.refused,
    denied: a.denied + b.denied,
    hits: a.hits + b.hits,
  };
}

/** An answer that a client got, or the settlement of its request. */
interface Entry {
  readonly counts: Partial<Counts>;
  /** On the clock of performance.now(). */
  readonly at: number;
  /** Whether the client cannot know that it was counted, even if nothing was lost. */
  readonly isUncertain: boolean;
}

/** The least and the most that must be recorded. */
export interface Bounds {
  readonly min: Counts;
  readonly max: Counts;
}

/** Time in which some entries may be lost. From and until are on the clock of performance.now(). */
export interface LossWindow {
  /** `settlements`: only changes of hits alone can be lost. */
  readonly loses: 'everything' | 'settlements';
  readonly from: number;
  readonly until: number;
}

/** Everything that the clients saw. */
export class ClientLedger {
  readonly #entries: Entry[] = [];

  add(counts: Partial<Counts>): void {
    this.#entries.push({ counts, at: performance.now(), isUncertain: false });
  }

  addUncertain(counts: Partial<Counts>): void {
    this.#entries.push({ counts, at: performance.now(), isUncertain: true });
  }

  /** The least and the most that can be recorded, if each entry in a window may be missing. */
  bounds(windows: readonly LossWindow[]): Bounds {
    const min = { ...NO_COUNTS };
    const max = { ...NO_COUNTS };
    for (const entry of this.#entries) {
      const isSure = !entry.isUncertain && !windows.some((window) => mayLose(window, entry));
      for (const count of COUNTS) {
        const value = entry.counts[count] ?? 0;
        if (isSure || value < 0) min[count] += value;
        if (isSure || value > 0) max[count] += value;
      }
    }
    return { min, max };
  }
}

function mayLose({ loses, from, until }: LossWindow, { counts, at }: Entry): boolean {
  const isSettlement = counts.allowed === undefined;
  return at >= from && at <= until && (loses === 'everything' || isSettlement);
}
