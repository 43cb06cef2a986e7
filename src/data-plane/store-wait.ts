/** How long decisions wait for the shared counters, in ms. */
export interface StoreWait {
  /** For calls without a deadline, and those that must be answered soon. */
  readonly defaultMs: number;
  /** At most, for calls that can wait longer. */
  readonly maxMs: number;
}

/** Part of a caller's deadline for the way back to the caller and for other work of this process, in ms. */
const REPLY_MARGIN_MS = 5;

/**
 * Returns how long a call can wait for the shared counters, in ms, if that is longer than the default. undefined: the
 * default. `deadline` is that of the call and `now` the time, on the clock of performance.now().
 */
export function computeStoreWait(deadline: number | undefined, now: number, wait: StoreWait): number | undefined {
  if (deadline === undefined) return undefined;
  const leftMs = Math.min(deadline - now - REPLY_MARGIN_MS, wait.maxMs);
  return leftMs > wait.defaultMs ? leftMs : undefined;
}
