import { SUB_BUCKETS_PER_WINDOW, windowMicrosOf } from '../../domain/counting/counter-spec.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { LocalCount, OwedHits } from './local-count.ts';

/**
 * Late charges that there may be because hits of one counter end at different times. Beyond that, hits join the last part
 * of their counter. At 5 µs each, they keep Redis busy for 5 ms when it is back, with decisions waiting behind.
 */
const MAX_EXTRA_PARTS = 1024;

/** A limit whose hits end a window after they were made, each at its own time. */
type RollingLimit = Extract<CountedLimit, { algorithm: 'sliding_window' | 'concurrency' }>;

/** Whether each hit of the limit ends a window after it was made. In other windows, all hits end together. */
export function endsWithWindow(limit: CountedLimit): limit is RollingLimit {
  return limit.algorithm === 'sliding_window' || limit.algorithm === 'concurrency';
}

/**
 * Returns when a hit that was granted at `now` or just before stops counting, in µs since 1970. `freeAt`: when everything
 * does that its counter has. That is later for a window above 64, whose ends are rounded up; the store that charges the hit
 * rounds it up again.
 */
export function computeHitEnd(limit: CountedLimit, freeAt: number, now: number): number {
  return endsWithWindow(limit) ? now + windowMicrosOf(limit) : freeAt;
}

/** Divides what the counters of this node owe into parts. Each becomes one late charge. */
export class OwedParts {
  readonly #node: string;
  #lastId = 0;
  #extraParts = 0;

  constructor(node: string) {
    this.#node = node;
  }

  /** Adds hits that count until `until` to a part, and returns the id of its late charge. */
  add(limit: CountedLimit, localCount: LocalCount, hits: number, until: number): string {
    const part = this.#find(limit, localCount, until);
    part.hits += hits;
    part.until = Math.max(part.until, until);
    return part.id;
  }

  /** Updates the number of extra parts, after the parts or late charges of a counter have changed. */
  count(localCount: LocalCount): void {
    this.#extraParts += localCount.extraParts - localCount.countedExtraParts;
    localCount.countedExtraParts = localCount.extraParts;
  }

  /** Forgets the parts of a counter that owes nothing any more. */
  uncount(localCount: LocalCount): void {
    this.#extraParts -= localCount.countedExtraParts;
    localCount.countedExtraParts = 0;
  }

  #find(limit: CountedLimit, localCount: LocalCount, until: number): OwedHits {
    const last = localCount.owed.at(-1);
    if (last !== undefined && (this.#extraParts >= MAX_EXTRA_PARTS || !beginsPart(limit, last, until))) return last;
    const part = { id: `late-${this.#node}-${++this.#lastId}`, hits: 0, until };
    localCount.owed.push(part);
    this.count(localCount);
    return part;
  }
}

/**
 * Whether hits that count until `until` do not share a part with those of `last`, which end in an earlier sixteenth of the
 * window. They do if they end before those of `last`, which happens after a clock was set back.
 */
function beginsPart(limit: CountedLimit, last: OwedHits, until: number): boolean {
  if (!endsWithWindow(limit)) return false;
  const partMicros = windowMicrosOf(limit) / SUB_BUCKETS_PER_WINDOW;
  return Math.floor(until / partMicros) > Math.floor(last.until / partMicros);
}
