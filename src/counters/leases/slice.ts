import type { SlidingWindowLimit } from '../../domain/limits/limit.ts';

/** What this node has taken ahead of one counter. Times are in ms on the clock of performance.now(). */
export interface Slice {
  readonly subject: string;
  readonly limit: SlidingWindowLimit;
  /** Hits that may still be spent, until `expires`. */
  left: number;
  /** Hits of it when it was taken. */
  size: number;
  expires: number;
  /** Where its hits stand at the store: µs since 1970, by the store's clock. */
  freeAt: number;
  /** Hits that the store had left when it was asked last. */
  remaining: number;
  /** Hits asked since `countedFrom`, and in the time before that. */
  asked: number;
  askedBefore: number;
  countedFrom: number;
  /** The store was asked for more and has not answered. */
  isAsking: boolean;
  /** What it was asked for is not spent: the counter was blocked meanwhile. */
  isUnwanted: boolean;
}

/** A node that dies loses its slices for as long as they live, and what is spent last counts so much longer. */
const LONGEST_LIFE_MS = 1000;
/** Below so many hits in a slice's life, asking the store each time is as cheap. */
const FEWEST_HITS = 16;
/** Of what is left, so that one node does not take all while others ask, too. */
const SHARE_OF_REMAINING = 4;
/** Asked for anew when less than this part of it is left, so that the next is there when it is spent. */
const LOW_PART = 4;

/** How long a slice may be spent, in ms: its hits count from its end on, and a sixteenth of the window more is told. */
export function leaseDuration({ windowSeconds }: SlidingWindowLimit): number {
  return Math.min(LONGEST_LIFE_MS, (windowSeconds * 1000) / 16);
}

export function emptySlice(subject: string, limit: SlidingWindowLimit, now: number): Slice {
  return {
    subject,
    limit,
    left: 0,
    size: 0,
    expires: 0,
    freeAt: 0,
    remaining: limit.requests,
    asked: 0,
    askedBefore: 0,
    countedFrom: now,
    isAsking: false,
    isUnwanted: false,
  };
}

/** Counts what is asked, by lives of a slice. */
export function noteAsked(slice: Slice, hits: number, now: number): void {
  const life = leaseDuration(slice.limit);
  const passed = now - slice.countedFrom;
  if (passed >= life) {
    slice.askedBefore = passed < 2 * life ? slice.asked : 0;
    slice.asked = 0;
    slice.countedFrom = now;
  }
  slice.asked += hits;
}

/** Hits to ask the store for; 0: none now. As many as were asked in a slice's life, and no great part of what is left. */
export function hitsToTake(slice: Slice, now: number): number {
  if (slice.isAsking) return 0;
  const isLow = slice.expires <= now || slice.left * LOW_PART < slice.size;
  const wanted = Math.max(slice.asked, slice.askedBefore);
  const hits = Math.min(wanted, Math.floor(slice.remaining / SHARE_OF_REMAINING));
  return isLow && hits >= FEWEST_HITS ? hits : 0;
}
