/** The same moment by two clocks, in ms. */
export interface Moment {
  /** By performance.now(). */
  readonly monotonic: number;
  /** Unix time. */
  readonly wall: number;
}

/** Reads both clocks. */
export function readClocks(): Moment {
  return { monotonic: performance.now(), wall: Date.now() };
}
