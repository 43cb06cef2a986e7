import { RollingLog } from './rolling-log.ts';

export const SUBJECTS = 100_000;
export const WINDOW_MICROS = 60_000_000;
const REQUESTS = 10_000_000;
const DURATION_MICROS = 10 * WINDOW_MICROS;
/** The subject of rank r sends in proportion to 1 / (r + FLATTENING): Zipf–Mandelbrot with exponent 1. */
const FLATTENING = 100;
/** More requests are generated than needed, because arrivals are random. The surplus is cut off at the end. */
const SURPLUS = 1.03;
/** Capacity for requests, in proportion to the expected number. */
const CAPACITY_MARGIN = 1.05;
/** Rate of a bursty subject during a burst, as a multiple of its mean rate. */
const BURST_RATE = 8;
const MIN_BURST_MICROS = 5_000_000;
const MAX_BURST_MICROS = 60_000_000;
const BURST_EXPONENT = 1.5;
/** Start of the trace in µs since 1970. A full minute, because sub-buckets and fixed windows begin at such times. */
const START_MICROS = Date.UTC(2026, 0, 1) * 1000;
/** A request is one number: its time in µs × SUBJECT_RANGE + its subject. Sorting these numbers sorts by time. */
const SUBJECT_RANGE = 2 ** 17;

/** Requests in the order of their time. */
export interface Trace {
  readonly length: number;
  /** µs since 1970. */
  timeAt(index: number): number;
  subjectAt(index: number): number;
  /** Requests of the same subject in the window that ends with this request, itself included. */
  demandAt(index: number): number;
}

/** Returns numbers from 0 up to, but not including, 1. */
type Random = () => number;

/** Creates a trace. The same seed gives the same trace. It takes 120 MB. */
export function createTrace(seed: number): Trace {
  const random = createRandom(seed);
  const generated = new Float64Array(Math.ceil(REQUESTS * SURPLUS * CAPACITY_MARGIN));
  let totalWeight = 0;
  for (let rank = 0; rank < SUBJECTS; rank++) totalWeight += 1 / (rank + FLATTENING);
  let length = 0;
  for (let subject = 0; subject < SUBJECTS; subject++) {
    const meanGap = (DURATION_MICROS * totalWeight * (subject + FLATTENING)) / (REQUESTS * SURPLUS);
    for (const time of generateArrivals(subject, meanGap, random)) {
      if (time >= DURATION_MICROS) break;
      generated[length++] = Math.floor(time) * SUBJECT_RANGE + subject;
    }
  }
  if (length < REQUESTS || length > generated.length) {
    throw new Error(`requests: must be from ${REQUESTS} to ${generated.length} (got ${length})`);
  }
  const requests = generated.subarray(0, length).sort().subarray(0, REQUESTS);
  const timeAt = (index: number) => START_MICROS + Math.floor((requests[index] ?? 0) / SUBJECT_RANGE);
  const subjectAt = (index: number) => (requests[index] ?? 0) % SUBJECT_RANGE;
  const demands = new Uint32Array(REQUESTS);
  const log = new RollingLog(SUBJECTS, WINDOW_MICROS);
  for (let index = 0; index < REQUESTS; index++) demands[index] = log.add(subjectAt(index), timeAt(index));
  return { length: REQUESTS, timeAt, subjectAt, demandAt: (index) => demands[index] ?? 0 };
}

/**
 * Generates times in µs, from 0 on and without end. A third of the subjects each sends evenly, randomly and in bursts.
 */
function generateArrivals(subject: number, meanGap: number, random: Random): Iterable<number> {
  if (subject % 3 === 0) return generateEvenArrivals(meanGap, random);
  return subject % 3 === 1 ? generatePoissonArrivals(meanGap, random) : generateBursts(meanGap, random);
}

function* generateEvenArrivals(meanGap: number, random: Random): Generator<number> {
  for (let time = random() * meanGap; ; time += meanGap * (0.75 + random() / 2)) yield time;
}

function* generatePoissonArrivals(meanGap: number, random: Random): Generator<number> {
  for (let time = drawExponential(meanGap, random); ; time += drawExponential(meanGap, random)) yield time;
}

/**
 * Alternates between silence and bursts. The lengths of the bursts have a Pareto distribution. That makes the sum of
 * many sources bursty on every time scale, like real traffic.
 */
function* generateBursts(meanGap: number, random: Random): Generator<number> {
  let time = 0;
  for (;;) {
    const burst = Math.min(MAX_BURST_MICROS, MIN_BURST_MICROS / (1 - random()) ** (1 / BURST_EXPONENT));
    time += drawExponential(burst * (BURST_RATE - 1), random);
    const end = time + burst;
    for (;;) {
      time += drawExponential(meanGap / BURST_RATE, random);
      if (time >= end) break;
      yield time;
    }
    time = end;
  }
}

function drawExponential(mean: number, random: Random): number {
  return -mean * Math.log(1 - random());
}

/** Creates the generator mulberry32 (Tommy Ettinger, public domain). */
function createRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
