const SECONDS_PER_UNIT = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 } as const;

/** Ten years. A longer duration is a mistake, and times in µs stay far below 2^53, where they would lose precision. */
export const MAX_DURATION_SECONDS = 10 * 365 * 86_400;

/**
 * Parses a positive whole number and a unit (`30s`, `5m`, `1h`, `7d`, `1w`) into seconds; undefined: the text is not
 * such a duration, or it is longer than 3650d.
 */
export function parseDuration(text: string): number | undefined {
  const match = /^([1-9]\d{0,9})([smhdw])$/.exec(text);
  if (match === null) return undefined;
  const seconds = Number(match[1]) * SECONDS_PER_UNIT[match[2] as keyof typeof SECONDS_PER_UNIT]; // by the pattern
  return seconds <= MAX_DURATION_SECONDS ? seconds : undefined;
}

/** Writes a duration in its largest whole unit: `90s`, `1m`, `1w`. Equal durations give equal texts. */
export function formatDuration(seconds: number): string {
  for (const [unit, length] of Object.entries(SECONDS_PER_UNIT)) {
    if (seconds % length === 0) return `${seconds / length}${unit}`;
  }
  return `${seconds}s`;
}
