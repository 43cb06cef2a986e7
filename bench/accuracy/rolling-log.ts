/** Of one subject: times in a ring, from `first` on. */
interface Ring {
  times: Float64Array;
  first: number;
  length: number;
}

/** More than most subjects need. */
const FIRST_LENGTH = 4;

/**
 * The truth about rolling windows: the time of every event of the last window, by subject. An event at t is in the
 * windows that end before t + `window` µs. It holds no more than the events of one window, up to rounding to powers of 2.
 */
export class RollingLog {
  readonly #rings: Ring[];
  readonly #window: number;

  constructor(subjects: number, window: number) {
    this.#rings = Array.from({ length: subjects }, () => ({ times: NO_TIMES, first: 0, length: 0 }));
    this.#window = window;
  }

  /** Events of the window that ends at `time` (µs), which must not go back. */
  count(subject: number, time: number): number {
    const ring = this.#ring(subject);
    const { times } = ring;
    while (ring.length > 0 && (times[ring.first] ?? 0) + this.#window <= time) {
      ring.first = (ring.first + 1) & (times.length - 1);
      ring.length--;
    }
    return ring.length;
  }

  /** Adds an event at `time` and returns how many the window that ends then has with it. */
  add(subject: number, time: number): number {
    const ring = this.#ring(subject);
    if (this.count(subject, time) === ring.times.length) grow(ring);
    ring.times[(ring.first + ring.length) & (ring.times.length - 1)] = time;
    return ++ring.length;
  }

  #ring(subject: number): Ring {
    const ring = this.#rings[subject];
    if (ring === undefined) throw new Error(`there is no subject ${subject}`);
    return ring;
  }
}

const NO_TIMES = new Float64Array(0);

function grow(ring: Ring): void {
  const { times, first } = ring;
  const larger = new Float64Array(Math.max(FIRST_LENGTH, times.length * 2));
  larger.set(times.subarray(first));
  larger.set(times.subarray(0, first), times.length - first);
  ring.times = larger;
  ring.first = 0;
}
