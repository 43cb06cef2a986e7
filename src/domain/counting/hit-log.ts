import { type CalendarSpec, SUB_BUCKETS_PER_WINDOW, type WindowSpec } from './counter-spec.ts';

/**
 * Hits that still count, grouped by the time at which they stop counting (their end). All algorithms except the token
 * bucket use this log; they differ only in how long a hit counts. All times are µs since 1970.
 *
 * Two arrays instead of an array of structs: arrays of numbers need no object per group, and a counter is charged on
 * every decision. Only the functions in this file change them, always both at once.
 */
export interface HitLog {
  /** Ascending. A hit counts before its end and not at it. */
  readonly ends: number[];
  /** Number of hits with each end, by the same index. */
  readonly hits: number[];
  /** Sum of `hits`. */
  total: number;
  /** All ends are multiples of this. */
  resolutionMicros: number;
}

type HitLogSpec = WindowSpec | CalendarSpec;

/**
 * A limit that keeps exact times has at most this many hits. Only settlements beyond the limit could need more entries.
 */
export const MAX_HIT_LOG_ENTRIES = 64;
/** Only settlements beyond the limit can reach this. Beyond 2^53, the total would lose precision. */
const MAX_TOTAL_HITS = 2 ** 46;

export function emptyHitLog(): HitLog {
  return { ends: [], hits: [], total: 0, resolutionMicros: 1 };
}

/** The end of a hit that is made at `time`. */
export function countsUntil(spec: HitLogSpec, time: number): number {
  if (spec.kind === 'window') return time - (time % spec.resolutionMicros) + spec.lifetimeMicros;
  if (time < spec.start) return spec.start;
  return time < spec.end ? spec.end : spec.nextEnd;
}

/**
 * Drops hits that have ended.
 *
 * A log far ahead of the clock means that the clock ran fast and was set back. Then all hits count as made now at the
 * latest. No hit is lost, and a subject waits at most an eighth of its window longer than without the clock step. After
 * a smaller step, new hits count as long as the ones before them.
 *
 * Returns whether hits were moved. Then the store must keep the log, or it would move them again.
 */
export function advanceLog(log: HitLog, spec: HitLogSpec, clock: number): boolean {
  dropEnded(log, clock);
  if (latestHitTime(spec, lastEnd(log)) - clock <= maxClockLeadMicros(spec)) return false;
  const latestEnd = countsUntil(spec, clock);
  mapEnds(log, (end) => Math.min(end, latestEnd));
  log.resolutionMicros = Math.min(log.resolutionMicros, resolutionFor(spec));
  return true;
}

/** Adds hits made at `time`. Requires `advanceLog` before. */
export function addHits(log: HitLog, spec: HitLogSpec, time: number, hits: number): void {
  const added = Math.min(hits, MAX_TOTAL_HITS - log.total);
  const resolution = resolutionFor(spec);
  // The limit was raised and uses sub-buckets now. Exact times would be too many next to them: more than 17 ends.
  if (resolution > log.resolutionMicros) roundEnds(log, resolution);
  else if (log.ends.length === MAX_HIT_LOG_ENTRIES) roundEnds(log, subBucketMicros(spec));
  log.resolutionMicros = resolution;
  const last = lastEnd(log);
  // Never before the last end: hits stay in the order of their ends, also after the clock was set back.
  const end = Math.max(countsUntil(spec, time), last);
  log.total += added;
  if (end === last) {
    log.hits.push((log.hits.pop() ?? 0) + added);
  } else {
    log.ends.push(end);
    log.hits.push(added);
  }
}

/**
 * Replaces all hits by hits that end at `end`. Rounds `end` to one that hits of this limit can have: for windows that
 * everybody shares to the nearest, as clocks differ a little; otherwise up. Returns the rounded end.
 */
export function replaceLog(log: HitLog, spec: HitLogSpec, end: number, hits: number): number {
  const roundedEnd = roundEnd(spec, end);
  log.ends.length = 0;
  log.hits.length = 0;
  log.total = Math.min(hits, MAX_TOTAL_HITS);
  log.resolutionMicros = resolutionFor(spec);
  if (hits > 0) {
    log.ends.push(roundedEnd);
    log.hits.push(log.total);
  }
  return roundedEnd;
}

function roundEnd(spec: HitLogSpec, end: number): number {
  if (spec.kind === 'calendar') {
    const [first = end, ...others] = [spec.start, spec.end, spec.nextEnd];
    return others.reduce((best, each) => (Math.abs(each - end) < Math.abs(best - end) ? each : best), first);
  }
  const { resolutionMicros, lifetimeMicros } = spec;
  const isShared = resolutionMicros === lifetimeMicros;
  return (isShared ? Math.round : Math.ceil)(end / resolutionMicros) * resolutionMicros;
}

/** Time in µs until `hits`, which do not fit now, would fit; undefined: they never fit. */
export function microsUntilHitsFit(log: HitLog, requests: number, hits: number, clock: number): number | undefined {
  if (hits > requests) return undefined;
  let excess = log.total + hits - requests;
  if (excess <= 0) return 0;
  for (const [index, end] of log.ends.entries()) {
    excess -= log.hits[index] ?? 0;
    if (excess <= 0) return end - clock;
  }
  return 0;
}

/** Removes up to `hits` hits with this end. Returns the number removed: 0 if no hits have this end any more. */
export function removeHits(log: HitLog, end: number, hits: number): number {
  const index = log.ends.indexOf(end);
  if (index < 0) return 0;
  const present = log.hits[index] ?? 0;
  const removed = Math.min(hits, present);
  log.total -= removed;
  if (removed < present) {
    log.hits[index] = present - removed;
  } else {
    log.ends.splice(index, 1);
    log.hits.splice(index, 1);
  }
  return removed;
}

/** The end of the last hit; 0: the log is empty. */
export function lastEnd({ ends }: HitLog): number {
  return ends[ends.length - 1] ?? 0;
}

/** The unit in µs that ends are rounded up to when there are too many of them. */
export function subBucketMicros(spec: HitLogSpec): number {
  if (spec.kind === 'calendar') return 1;
  return spec.resolutionMicros > 1 ? spec.resolutionMicros : spec.lifetimeMicros / SUB_BUCKETS_PER_WINDOW;
}

function resolutionFor(spec: HitLogSpec): number {
  return spec.kind === 'window' ? spec.resolutionMicros : 1;
}

/** The latest time at which a hit with this end can have been made. */
function latestHitTime(spec: HitLogSpec, end: number): number {
  if (spec.kind === 'window') return end - spec.lifetimeMicros;
  if (end <= spec.start) return 0;
  if (end <= spec.end) return spec.start;
  return end <= spec.nextEnd ? spec.end : Number.POSITIVE_INFINITY;
}

/** Clocks differ, and leases are taken in advance, each by at most a sixteenth of the window. */
function maxClockLeadMicros(spec: HitLogSpec): number {
  return Math.floor((spec.kind === 'window' ? spec.lifetimeMicros : spec.end - spec.start) / 8);
}

function dropEnded(log: HitLog, clock: number): void {
  const { ends, hits } = log;
  let ended = 0;
  while (ended < ends.length && (ends[ended] ?? 0) <= clock) log.total -= hits[ended++] ?? 0;
  if (ended === 0) return;
  // In place: splice would allocate the removed items, at every charge of a busy counter.
  ends.copyWithin(0, ended);
  hits.copyWithin(0, ended);
  ends.length -= ended;
  hits.length -= ended;
}

function roundEnds(log: HitLog, resolution: number): void {
  mapEnds(log, (end) => Math.ceil(end / resolution) * resolution);
}

/** Replaces each end, and merges neighbours whose ends became equal. The new ends must be ascending, too. */
function mapEnds({ ends, hits }: HitLog, replace: (end: number) => number): void {
  let kept = 0;
  for (let index = 0; index < ends.length; index++) {
    const end = replace(ends[index] ?? 0);
    const count = hits[index] ?? 0;
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
