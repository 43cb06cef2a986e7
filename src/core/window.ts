const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Ten years: beyond that a window is a mistake, and times in µs stay exact (2^53) far below it. */
const LONGEST_SECONDS = 10 * 365 * 86_400;

/** Seconds of a window written as a whole number and a unit (`30s`, `5m`, `1h`, `1d`); undefined if it is no such. */
export function parseWindow(text: string): number | undefined {
  const match = /^([1-9]\d{0,9})([smhd])$/.exec(text);
  if (match === null) return undefined;
  const seconds = Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS]; // the pattern allows no other unit
  return seconds <= LONGEST_SECONDS ? seconds : undefined;
}
