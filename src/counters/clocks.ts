const MAX_DRIFT_MS = 1000;
let originMs = performance.timeOrigin;

/**
 * Reads the time in µs since 1970. The clock is monotonic: small corrections of the machine's clock do not show. A
 * correction of more than a second does, as after a suspend or a start with a wrong clock, because calendar limits end
 * at midnight of the real day.
 */
export function readSystemMicros(): number {
  const unixMs = Date.now();
  if (Math.abs(unixMs - originMs - performance.now()) > MAX_DRIFT_MS) originMs = unixMs - performance.now();
  return Math.floor((originMs + performance.now()) * 1000);
}

/** Reads a clock of this process in µs that never runs backwards. Its origin means nothing. */
export function readMonotonicMicros(): number {
  return Math.floor(performance.now() * 1000);
}
