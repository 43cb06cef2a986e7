/** Times of one subject: a ring buffer whose length is a power of 2. */
interface Ring {
  times: Float64Array;
  first: number;
  length: number;
}

/** Initial capacity of a ring. Most subjects need no more. */
const INITIAL_CAPACITY = 4;
const NO_TIMES = new Float64Array(0);

/**
 * Keeps the exact time of every event of the last window, for each subject. So it knows what any rolling window
 * contains. An event at t is in the windows that end before t + `windowMicros`. Memory is bounded by the events of one
 * window per subject, rounded up to powers of 2.
 */
export class RollingLog {
  readonly #rings: Ring[];
  readonly #windowMicros: number;

  constructor(subjects: number, windowMicros: number) {
    this.#rings = Array.from({ length: subjects }, () => ({ times: NO_TIMES, first: 0, length: 0 }));
    this.#windowMicros = windowMicros;
  }

  /** Counts the events in the window that ends at `time`, in µs. Time must not go backwards. */
  count(subject: number, time: number): number {
    const ring = this.#ring(subject);
    const { times } = ring;
    while (ring.length > 0 && (times[ring.first] ?? 0) + this.#windowMicros <= time) {
      ring.first = (ring.first + 1) & (times.length - 1);
      ring.length--;
    }
    return ring.length;
  }

  /** Adds an event at `time`. Returns the number of events in the window that ends then, including this one. */
  add(subject: number, time: number): number {
    const ring = this.#ring(subject);
    if (this.count(subject, time) === ring.times.length) growRing(ring);
    ring.times[(ring.first + ring.length) & (ring.times.length - 1)] = time;
    return ++ring.length;
  }

  #ring(subject: number): Ring {
    const ring = this.#rings[subject];
    if (ring === undefined) throw new Error(`subject: must be below ${this.#rings.length} (got ${subject})`);
    return ring;
  }
}

function growRing(ring: Ring): void {
  const { times, first } = ring;
  const larger = new Float64Array(Math.max(INITIAL_CAPACITY, times.length * 2));
  larger.set(times.subarray(first));
  larger.set(times.subarray(0, first), times.length - first);
  ring.times = larger;
  ring.first = 0;
}
