import type { UsageRowJson } from '../../generated/weir/admin/v1/usage_service_pb.js';

/** The usage of a day of UTC. */
export interface DayUsage {
  /** The start of the day, a Unix time in seconds. */
  readonly time: number;
  readonly allowed: number;
  /** Requests that were rejected by a limit or denied. */
  readonly rejected: number;
}

const DAY_SECONDS = 86_400;

/** Lists `count` days from `start`, which is the start of a day. Days without a row have used nothing. */
export function listDays(rows: readonly UsageRowJson[], start: Date, count: number): DayUsage[] {
  const totals = new Map(rows.map((row) => [Date.parse(row.startTime ?? '') / 1000, row.totals]));
  const first = start.getTime() / 1000;
  return Array.from({ length: count }, (_, index) => {
    const time = first + index * DAY_SECONDS;
    const { requests = '0', allowed = '0' } = totals.get(time) ?? {};
    return { time, allowed: Number(allowed), rejected: Number(requests) - Number(allowed) };
  });
}
