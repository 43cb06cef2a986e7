const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const PERCENT = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

/** Formats a count, such as `1,204`. Weir sends 64-bit numbers as strings, and leaves out 0. */
export function formatCount(count: number | string | undefined): string {
  return WHOLE.format(Number(count ?? 0));
}

/** Formats a count in little space, such as `1.2M`. */
export function formatCompact(count: number | string | undefined): string {
  return COMPACT.format(Number(count ?? 0));
}

/** Formats a part of a whole, such as `2.5%`; `–` without a whole. */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? '–' : PERCENT.format(part / whole);
}
