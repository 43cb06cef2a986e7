const FIRST_DELAY_MS = 5_000;
const MAX_DELAY_MS = 3_600_000;
/** Spreads the retries of deliveries that failed together. */
const JITTER = 0.2;

/** Deliveries are retried for this long after their first attempt. */
export const RETRY_PERIOD_MS = 24 * 3_600_000;

/**
 * Computes the time from a failed attempt to the next, in ms: 5 s, doubled with each attempt up to an hour, and up to 20%
 * more or less. `attempts` is how many there were; `random` is from 0 to 1.
 */
export function computeRetryDelay(attempts: number, random: number): number {
  const delay = Math.min(FIRST_DELAY_MS * 2 ** (attempts - 1), MAX_DELAY_MS);
  return Math.round(delay * (1 - JITTER + 2 * JITTER * random));
}
