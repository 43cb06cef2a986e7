import { type CalendarSpec, SUB_BUCKETS, type WindowSpec } from './counter-spec.ts';

/**
 * Hits that still count, each with the time at which it stops counting. All algorithms but the token bucket are this
 * list; they differ only in how long a hit counts. All times are µs since 1970.
 */
export interface HitLog {
  /** Ascending: a hit counts before its end and not at it. */
  readonly ends: number[];
  readonly hits: number[];
  /** Sum of `hits`. */
  total: number;
  /** All ends are multiples of it. */
  unit: number;
}

type HitsTerm = WindowSpec | CalendarSpec;

/** More than a limit with exact times has hits: only what is settled beyond it can come so far. */
export const MAX_HIT_LOG_ENTRIES = 64;
/** Only settlements beyond their limit could bring it so far, and beyond 2^53 it would not be exact. */
const MOST_TOTAL = 2 ** 46;

export function emptyHitLog(): HitLog {
  return { ends: [], hits: [], total: 0, unit: 1 };
}

/** When a hit made at `time` stops counting. */
export function endOf(term: HitsTerm, time: number): number {
  if (term.kind === 'span') return time - (time % term.resolution) + term.life;
  if (time < term.start) return term.start;
  return time < term.end ? term.end : term.next;
}

/**
 * Forgets what has ended. Where the counter is far ahead of the clock, which means that the clock had run ahead and was
 * set back, all hits are taken as made now at the latest: nothing is forgotten, and a subject is blocked at most an
 * eighth of its window longer than without the step. Smaller steps back only make hits count as long as those before.
 * Returns whether hits were moved so: then the tally must be kept, or the next step would move them again.
 */
export function advanceLog(tally: HitLog, term: HitsTerm, clock: number): boolean {
  forgetEnded(tally, clock);
  if (begun(term, lastEnd(tally)) - clock <= mostAhead(term)) return false;
  const latest = endOf(term, clock);
  moveEnds(tally, (end) => Math.min(end, latest));
  tally.unit = Math.min(tally.unit, resolutionOf(term));
  return true;
}

/** Adds hits made at `time`. What has ended must have been forgotten. */
export function addHits(tally: HitLog, term: HitsTerm, time: number, asked: number): void {
  const added = Math.min(asked, MOST_TOTAL - tally.total);
  const resolution = resolutionOf(term);
  // A limit was raised to where it keeps sub-buckets: beside exact times there would be more than 17 of them.
  if (resolution > tally.unit) roundEnds(tally, resolution);
  else if (tally.ends.length === MAX_HIT_LOG_ENTRIES) roundEnds(tally, subBucketOf(term));
  tally.unit = resolution;
  const last = lastEnd(tally);
  // Never before the last one: hits then are in the order of their ends, also after the clock was set back.
  const end = Math.max(endOf(term, time), last);
  tally.total += added;
  if (end === last) {
    tally.hits.push((tally.hits.pop() ?? 0) + added);
  } else {
    tally.ends.push(end);
    tally.hits.push(added);
  }
}

/** µs from `clock` until `asked` hits, which do not fit now, would fit; undefined when they never do. */
export function waitFor(tally: HitLog, requests: number, asked: number, clock: number): number | undefined {
  if (asked > requests) return undefined;
  let excess = tally.total + asked - requests;
  if (excess <= 0) return 0;
  for (const [place, end] of tally.ends.entries()) {
    excess -= tally.hits[place] ?? 0;
    if (excess <= 0) return end - clock;
  }
  return 0;
}

/** Takes hits out again that end at `end`; how many, which is none where others have that end by now. */
export function removeHits(tally: HitLog, end: number, asked: number): number {
  const place = tally.ends.indexOf(end);
  const there = tally.hits[place] ?? 0;
  const removed = Math.min(asked, there);
  tally.total -= removed;
  if (removed < there) {
    tally.hits[place] = there - removed;
  } else if (place >= 0) {
    tally.ends.splice(place, 1);
    tally.hits.splice(place, 1);
  }
  return removed;
}

/** When nothing counts any more; 0 when nothing does. */
export function lastEnd({ ends }: HitLog): number {
  return ends[ends.length - 1] ?? 0;
}

/** What ends are rounded up to where there are too many, in µs. */
export function subBucketOf(term: HitsTerm): number {
  if (term.kind === 'period') return 1;
  return term.resolution > 1 ? term.resolution : term.life / SUB_BUCKETS;
}

function resolutionOf(term: HitsTerm): number {
  return term.kind === 'span' ? term.resolution : 1;
}

/** When, at the latest, a hit was made that ends at `end`. */
function begun(term: HitsTerm, end: number): number {
  if (term.kind === 'span') return end - term.life;
  if (end <= term.start) return 0;
  if (end <= term.end) return term.start;
  return end <= term.next ? term.end : Number.POSITIVE_INFINITY;
}

/** Clocks differ and slices are taken ahead, neither by more than a sixteenth of the window. */
function mostAhead(term: HitsTerm): number {
  return Math.floor((term.kind === 'span' ? term.life : term.end - term.start) / 8);
}

function forgetEnded(tally: HitLog, clock: number): void {
  const { ends, hits } = tally;
  let ended = 0;
  while (ended < ends.length && (ends[ended] ?? 0) <= clock) tally.total -= hits[ended++] ?? 0;
  if (ended === 0) return;
  // Element by element: splice would allocate what it removes, at every charge of a busy counter.
  ends.copyWithin(0, ended);
  hits.copyWithin(0, ended);
  ends.length -= ended;
  hits.length -= ended;
}

function roundEnds(tally: HitLog, unit: number): void {
  moveEnds(tally, (end) => Math.ceil(end / unit) * unit);
}

function moveEnds({ ends, hits }: HitLog, moved: (end: number) => number): void {
  let kept = 0;
  for (let place = 0; place < ends.length; place++) {
    const end = moved(ends[place] ?? 0);
    const count = hits[place] ?? 0;
    if (kept > 0 && ends[kept - 1] === end) {
      hits[kept - 1] = (hits[kept - 1] ?? 0) + count;
    } else {
      ends[kept] = end;
      hits[kept] = count;
      kept++;
    }
  }
  ends.length = kept;
  hits.length = kept;
}
