/**
 * What a counter holds: the hits that still count, each with the time at which it stops counting. Every algorithm that
 * counts hits is this list; they differ only in how long a hit counts (`Term`). All times are µs since 1970.
 */
export interface Tally {
  /** Start of the unit of time that was charged last; the counter's time does not run back behind it. */
  seen: number;
  /** All ends are multiples of it. */
  resolution: number;
  /** Sum of `hits`, those included that have ended but were not yet forgotten. */
  total: number;
  /** Ascending: a hit counts before its end and not at it. */
  readonly ends: number[];
  readonly hits: number[];
}

/** How long hits of a limit count, in µs: a hit at t until t rounded down to `resolution`, plus `life`. */
export interface Term {
  readonly resolution: number;
  readonly life: number;
}

export function emptyTally(): Tally {
  return { seen: 0, resolution: 1, total: 0, ends: [], hits: [] };
}

/** The most that a counter's time may be ahead of the clock. */
export function mostAhead(term: Term): number {
  return Math.floor(term.life / 16);
}

/**
 * The counter's own time: the clock's, unless that was set back a little. After a larger step back, which means that it
 * had run ahead, all hits are taken as made now. So nothing is forgotten, no hit counts longer than if it were made
 * now, and a subject is blocked at most a sixteenth of its window longer than without the step.
 */
export function timeOf(tally: Tally, term: Term, clock: number): number {
  if (tally.seen <= clock) return clock;
  if (tally.seen - clock <= mostAhead(term)) return tally.seen;
  const latest = endOf(term, clock);
  forgetEnded(tally, clock);
  moveEnds(tally, (end) => Math.min(end, latest));
  tally.seen = latest - term.life;
  tally.resolution = Math.min(tally.resolution, term.resolution);
  return clock;
}

/** When a hit made at `time` stops counting. */
export function endOf({ resolution, life }: Term, time: number): number {
  return time - (time % resolution) + life;
}

/** Hits that count at `time`. */
export function usedAt({ ends, hits, total }: Tally, time: number): number {
  let used = total;
  for (let i = 0; i < ends.length && (ends[i] ?? 0) <= time; i++) used -= hits[i] ?? 0;
  return used;
}

/** Adds hits at `time`, which `timeOf` gave, and forgets those that have ended. */
export function charge(tally: Tally, term: Term, time: number, hits: number): void {
  forgetEnded(tally, time);
  const { resolution } = term;
  // A limit was raised to where it keeps sub-buckets: beside exact times there would be more than 17 of them.
  if (resolution > tally.resolution) moveEnds(tally, (end) => Math.ceil(end / resolution) * resolution);
  tally.resolution = resolution;
  const end = endOf(term, time);
  tally.seen = end - term.life;
  tally.total += hits;
  addHits(tally, end, hits);
}

/** µs from `clock` until `hits`, which do not fit now, would fit; undefined when they never do. */
export function waitFor(tally: Tally, requests: number, hits: number, clock: number): number | undefined {
  if (hits > requests) return undefined;
  let excess = tally.total + hits - requests;
  for (let i = 0; i < tally.ends.length; i++) {
    excess -= tally.hits[i] ?? 0;
    if (excess <= 0) return (tally.ends[i] ?? 0) - clock;
  }
  return 0;
}

/** µs from `clock` until nothing counts any more; 0 when nothing does at the counter's time. */
export function waitForAll({ ends }: Tally, time: number, clock: number): number {
  const last = ends[ends.length - 1] ?? 0;
  return last > time ? last - clock : 0;
}

/** When nothing of it counts any more: from then on it is worth as much as an empty one. */
export function lastEnd({ ends }: Tally): number {
  return ends[ends.length - 1] ?? 0;
}

function forgetEnded(tally: Tally, time: number): void {
  const { ends, hits } = tally;
  let ended = 0;
  while (ended < ends.length && (ends[ended] ?? 0) <= time) tally.total -= hits[ended++] ?? 0;
  if (ended === 0) return;
  // Element by element: splice would allocate what it removes, at every charge of a busy counter.
  ends.copyWithin(0, ended);
  hits.copyWithin(0, ended);
  ends.length -= ended;
  hits.length -= ended;
}

function addHits({ ends, hits }: Tally, end: number, added: number): void {
  let place = ends.length;
  // Only behind ends that a lowered limit left rounded up does the new one not come last.
  while (place > 0 && (ends[place - 1] ?? 0) > end) place--;
  if (place > 0 && ends[place - 1] === end) {
    hits[place - 1] = (hits[place - 1] ?? 0) + added;
  } else if (place === ends.length) {
    ends.push(end);
    hits.push(added);
  } else {
    ends.splice(place, 0, end);
    hits.splice(place, 0, added);
  }
}

function moveEnds({ ends, hits }: Tally, moved: (end: number) => number): void {
  let kept = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = moved(ends[i] ?? 0);
    const count = hits[i] ?? 0;
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
