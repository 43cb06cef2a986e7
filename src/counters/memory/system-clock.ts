const LARGEST_DRIFT_MS = 1000;
let origin = performance.timeOrigin;

/**
 * µs since 1970, counted monotonically: small corrections of the machine's clock do not show. Beyond a second they do,
 * as after a suspend or a start with a wrong clock, because calendar limits end at midnight of the real day.
 */
export function systemMicroseconds(): number {
  const unix = Date.now();
  if (Math.abs(unix - origin - performance.now()) > LARGEST_DRIFT_MS) origin = unix - performance.now();
  return Math.floor((origin + performance.now()) * 1000);
}
