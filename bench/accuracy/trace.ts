import { RollingLog } from './rolling-log.ts';

export const SUBJECTS = 100_000;
export const REQUESTS = 10_000_000;
export const WINDOW = 60_000_000; // µs
const DURATION = 10 * WINDOW;
/** Subject of rank r sends in proportion to 1 / (r + FLATTENING): Zipf–Mandelbrot with exponent 1. */
const FLATTENING = 100;
/** More than are asked for, as arrivals are random; what is over is cut off at the end. */
const SURPLUS = 1.03;
/** Of a bursty subject: how many times its mean rate it sends while it sends. */
const BURST_RATE = 8;
const SHORTEST_BURST = 5_000_000; // µs
const LONGEST_BURST = 60_000_000; // µs
const BURST_EXPONENT = 1.5;
/** On a minute, as sub-buckets and fixed windows begin at multiples of their length since 1970. */
const BEGINS = Date.UTC(2026, 0, 1) * 1000;
/** A request is kept as one number, its time in µs × PLACES + its subject: sorted so, it is sorted by time. */
const PLACES = 2 ** 17;

export interface Trace {
  readonly length: number;
  /** µs since 1970, ascending. */
  timeOf(place: number): number;
  subjectOf(place: number): number;
  /** Requests of the same subject in the window that ends with this one, which is counted. */
  demandOf(place: number): number;
}

type Random = () => number;

/** The same trace for the same seed. It takes 120 MB. */
export function makeTrace(seed: number): Trace {
  const random = randomOf(seed);
  const made = new Float64Array(Math.ceil(REQUESTS * SURPLUS * 1.05));
  let weights = 0;
  for (let rank = 0; rank < SUBJECTS; rank++) weights += 1 / (rank + FLATTENING);
  let length = 0;
  for (let subject = 0; subject < SUBJECTS; subject++) {
    const meanGap = (DURATION * weights * (subject + FLATTENING)) / (REQUESTS * SURPLUS);
    for (const time of arrivals(subject, meanGap, random)) {
      if (time >= DURATION) break;
      made[length++] = Math.floor(time) * PLACES + subject;
    }
  }
  if (length < REQUESTS || length > made.length) throw new Error(`${length} requests were made of ${REQUESTS}`);
  const requests = made.subarray(0, length).sort().subarray(0, REQUESTS);
  const timeOf = (place: number) => BEGINS + Math.floor((requests[place] ?? 0) / PLACES);
  const subjectOf = (place: number) => (requests[place] ?? 0) % PLACES;
  const demand = new Uint32Array(REQUESTS);
  const log = new RollingLog(SUBJECTS, WINDOW);
  for (let place = 0; place < REQUESTS; place++) demand[place] = log.add(subjectOf(place), timeOf(place));
  return { length: REQUESTS, timeOf, subjectOf, demandOf: (place) => demand[place] ?? 0 };
}

/** Times in µs from 0 on, without end. A third of the subjects each: nearly even, Poisson, in bursts. */
function arrivals(subject: number, meanGap: number, random: Random): Iterable<number> {
  if (subject % 3 === 0) return evenArrivals(meanGap, random);
  return subject % 3 === 1 ? poissonArrivals(meanGap, random) : burstArrivals(meanGap, random);
}

function* evenArrivals(meanGap: number, random: Random): Generator<number> {
  for (let time = random() * meanGap; ; time += meanGap * (0.75 + random() / 2)) yield time;
}

function* poissonArrivals(meanGap: number, random: Random): Generator<number> {
  for (let time = exponential(meanGap, random); ; time += exponential(meanGap, random)) yield time;
}

/** On and off: lengths of bursts are Pareto, which is what makes traffic of many sources bursty at every scale. */
function* burstArrivals(meanGap: number, random: Random): Generator<number> {
  let time = 0;
  for (;;) {
    const burst = Math.min(LONGEST_BURST, SHORTEST_BURST / (1 - random()) ** (1 / BURST_EXPONENT));
    time += exponential(burst * (BURST_RATE - 1), random);
    const end = time + burst;
    for (;;) {
      time += exponential(meanGap / BURST_RATE, random);
      if (time >= end) break;
      yield time;
    }
    time = end;
  }
}

function exponential(mean: number, random: Random): number {
  return -mean * Math.log(1 - random());
}

/** Numbers from 0 up to 1, by mulberry32 (Tommy Ettinger, public domain). */
function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
