export const USAGE_STEPS = ['hour', 'day', 'month'] as const;
export type UsageStep = (typeof USAGE_STEPS)[number];

/** A time range of usage. */
export interface UsageRange {
  readonly step: UsageStep;
  /** A whole hour. */
  readonly start: Date;
  /** A whole hour. Exclusive. */
  readonly end: Date;
}

const HOUR_MS = 3_600_000;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
/** The buckets of a range for which the viewer has chosen no days. */
const DEFAULT_BUCKETS: Readonly<Record<UsageStep, number>> = { hour: 48, day: 31, month: 12 };

/** The viewer's choice, with days such as `2026-11-30`; empty: none is chosen. */
interface Choice {
  readonly step: UsageStep;
  /** The first day. */
  readonly from: string;
  /** The last day. */
  readonly to: string;
  readonly now: Date;
}

/**
 * Chooses the time range of a query, by days of the local time zone: by default the last 48 hours, 31 days or 12 months,
 * up to the end of the present hour.
 */
export function chooseUsageRange({ step, from, to, now }: Choice): UsageRange {
  const end = findDay(to, 1) ?? new Date(now.getTime() + 1);
  const start = findDay(from, 0) ?? subtractBuckets(step, end);
  return { step, start: roundUp(start), end: roundUp(end) };
}

/** Where a day begins, or the day that many days later. undefined: it is no day. */
function findDay(day: string, later: number): Date | undefined {
  const [, year, month, date] = DAY.exec(day) ?? [];
  if (year === undefined) return undefined;
  return new Date(Number(year), Number(month) - 1, Number(date) + later);
}

function subtractBuckets(step: UsageStep, end: Date): Date {
  const count = DEFAULT_BUCKETS[step];
  // A range that ends with a bucket ends where the next one begins.
  const last = new Date(end.getTime() - 1);
  if (step === 'hour') return new Date(roundUp(end).getTime() - count * HOUR_MS);
  if (step === 'day') return new Date(last.getFullYear(), last.getMonth(), last.getDate() - count + 1);
  return new Date(last.getFullYear(), last.getMonth() - count + 1);
}

/** Weir keeps usage by hours of UTC. An hour belongs to the day in which it begins, so a day starts with the next one. */
function roundUp(time: Date): Date {
  return new Date(Math.ceil(time.getTime() / HOUR_MS) * HOUR_MS);
}

/** The times in ms at which the buckets of a range begin, by hours, or by days or months of the local time zone. */
export function listBuckets({ step, start, end }: UsageRange): readonly number[] {
  const buckets: number[] = [];
  for (let bucket = start; bucket < end; bucket = findNextBucket(step, bucket)) buckets.push(bucket.getTime());
  return buckets;
}

function findNextBucket(step: UsageStep, bucket: Date): Date {
  if (step === 'hour') return new Date(bucket.getTime() + HOUR_MS);
  const [year, month] = [bucket.getFullYear(), bucket.getMonth()];
  return step === 'day' ? new Date(year, month, bucket.getDate() + 1) : new Date(year, month + 1);
}
