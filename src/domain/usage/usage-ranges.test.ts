import { describe, expect, it } from 'vitest';
import { countBuckets, describeMissingUsage, HOUR_MS, splitUsageRange, type UsageTimes } from './usage-ranges.ts';

const at = (text: string) => Date.parse(`${text}Z`);
const kept = { firstHour: at('2026-09-01'), firstDay: at('2026-03-01'), rolledUntil: at('2026-11-28') };

function split(from: string, to: string, step: UsageTimes['step'], isUtc = true): readonly string[] {
  const ranges = splitUsageRange({ from: at(from), to: at(to), step, isUtc }, kept);
  const format = (time: number) => new Date(time).toISOString().slice(0, 13);
  return ranges.map((range) => `${range.table} ${format(range.from)} ${format(range.to)}`);
}

describe('a range of usage', () => {
  it('is read by the hour where hours are asked for, as far as they are kept', () => {
    expect(split('2026-08-01', '2026-09-02', 'hour')).toEqual(['hour 2026-09-01T00 2026-09-02T00']);
  });

  it('reads whole days that are rolled up from their own table, and the rest by the hour', () => {
    expect(split('2026-11-20T05:00', '2026-11-30T07:00', 'day')).toEqual([
      'hour 2026-11-20T05 2026-11-21T00',
      'day 2026-11-21T00 2026-11-28T00',
      'hour 2026-11-28T00 2026-11-30T07',
    ]);
  });

  it('reads whole months from their own table', () => {
    expect(split('2026-09-15', '2026-11-30T07:00', 'month')).toEqual([
      'day 2026-09-15T00 2026-10-01T00',
      'month 2026-10-01T00 2026-11-01T00',
      'day 2026-11-01T00 2026-11-28T00',
      'hour 2026-11-28T00 2026-11-30T07',
    ]);
  });

  it('is read by the hour in other zones, and where hours are not kept by the days and months of UTC', () => {
    expect(split('2026-01-10T22:00', '2026-10-02T22:00', 'day', false)).toEqual([
      'month 2026-01-01T00 2026-03-01T00',
      'day 2026-03-01T00 2026-09-01T00',
      'hour 2026-09-01T00 2026-10-02T22',
    ]);
  });

  it('reads each hour once: the parts never overlap, and leave no gap', () => {
    for (const step of ['day', 'month'] as const) {
      for (let start = at('2026-09-01'); start < at('2026-12-01'); start += 37 * HOUR_MS) {
        for (let end = start + HOUR_MS; end < at('2026-12-01'); end += 101 * HOUR_MS) {
          const ranges = splitUsageRange({ from: start, to: end, step, isUtc: true }, kept);
          expect(ranges.map(({ from }) => from)).toEqual([start, ...ranges.slice(0, -1).map(({ to }) => to)]);
          expect(ranges.at(-1)?.to).toBe(end);
        }
      }
    }
  });

  it('counts at most as many buckets as it is long', () => {
    const times = { from: at('2026-01-01'), to: at('2027-01-01'), isUtc: true };
    expect(countBuckets({ ...times, step: 'hour' })).toBe(8_760);
    expect(countBuckets({ ...times, step: 'day' })).toBe(365);
    expect(countBuckets({ ...times, step: 'month' })).toBe(14);
  });

  it('says what it cannot show', () => {
    const times = { from: at('2026-08-31'), to: at('2026-10-01') };
    expect(describeMissingUsage({ ...times, step: 'day', isUtc: true }, kept)).toEqual([]);
    expect(describeMissingUsage({ ...times, step: 'day', isUtc: false }, kept)).toEqual([
      'hours before 2026-09-01T00:00:00.000Z are not kept: until then, the days are those of UTC',
    ]);
    expect(describeMissingUsage({ ...times, step: 'hour', isUtc: true }, kept)).toEqual([
      'hours before 2026-09-01T00:00:00.000Z are not kept: they have no rows',
    ]);
  });
});
