const SECONDS = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 } as const;

/** Ten years: beyond that a duration is a mistake, and times in µs stay exact (2^53) far below it. */
export const MAX_DURATION_SECONDS = 10 * 365 * 86_400;

/** Seconds of a whole number and a unit (`30s`, `5m`, `1h`, `7d`, `1w`), up to 3650d; undefined if it is no such. */
export function parseDuration(text: string): number | undefined {
  const match = /^([1-9]\d{0,9})([smhdw])$/.exec(text);
  if (match === null) return undefined;
  const seconds = Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS]; // the pattern allows no other unit
  return seconds <= MAX_DURATION_SECONDS ? seconds : undefined;
}

/** The shortest text for so many seconds, such as `90s`, `1m` or `1w`: the same one however the duration was written. */
export function formatDuration(seconds: number): string {
  for (const [unit, length] of Object.entries(SECONDS)) if (seconds % length === 0) return `${seconds / length}${unit}`;
  return `${seconds}s`;
}
