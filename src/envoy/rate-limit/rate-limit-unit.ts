const DAY_SECONDS = 86_400;

interface RateLimitUnit {
  readonly name: string;
  readonly seconds: number;
}

/**
 * The units of envoy.type.v3.RateLimitUnit, by number. As in envoyproxy/ratelimit, a month has 30 days and a year 365.
 */
export const OVERRIDE_UNITS: readonly (RateLimitUnit | undefined)[] = [
  undefined,
  { name: 'SECOND', seconds: 1 },
  { name: 'MINUTE', seconds: 60 },
  { name: 'HOUR', seconds: 3600 },
  { name: 'DAY', seconds: DAY_SECONDS },
  { name: 'MONTH', seconds: 30 * DAY_SECONDS },
  { name: 'YEAR', seconds: 365 * DAY_SECONDS },
];

/** Numbers of RateLimitResponse.RateLimit.Unit with their seconds, the longest unit first. */
const RESPONSE_UNITS = [
  { unit: 6, seconds: 365 * DAY_SECONDS },
  { unit: 5, seconds: 30 * DAY_SECONDS },
  { unit: 7, seconds: 7 * DAY_SECONDS },
  { unit: 4, seconds: DAY_SECONDS },
  { unit: 3, seconds: 3600 },
  { unit: 2, seconds: 60 },
  { unit: 1, seconds: 1 },
] as const;
const MAX_UINT32 = 2 ** 32 - 1;
const UNKNOWN = { unit: 0, multiplier: 1 };

/** A window as RateLimitResponse.RateLimit tells it. */
export interface UnitWindow {
  /** Number of a RateLimitResponse.RateLimit.Unit. */
  readonly unit: number;
  readonly multiplier: number;
}

/**
 * Writes a window as a multiple of the longest unit that divides it. The unit is UNKNOWN for limits without a window, and
 * for a bucket that takes more than 2^32 seconds to fill.
 */
export function toUnitWindow(windowSeconds: number | undefined): UnitWindow {
  if (windowSeconds === undefined) return UNKNOWN;
  const found = RESPONSE_UNITS.find(({ seconds }) => windowSeconds % seconds === 0);
  if (found === undefined || windowSeconds / found.seconds > MAX_UINT32) return UNKNOWN;
  return { unit: found.unit, multiplier: windowSeconds / found.seconds };
}
