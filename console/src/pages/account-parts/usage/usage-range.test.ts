import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseUsageRange, listBuckets } from './usage-range.ts';

beforeEach(() => void vi.stubEnv('TZ', 'Europe/Berlin'));
afterEach(() => void vi.unstubAllEnvs());

const NOW = new Date('2026-11-30T12:34:00+01:00');

describe('chooseUsageRange', () => {
  it('reaches back from the end of the present hour by 48 hours, 31 days or 12 months', () => {
    const choose = (step: 'hour' | 'day' | 'month') => chooseUsageRange({ step, from: '', to: '', now: NOW });
    const end = new Date(2026, 10, 30, 13);
    expect(choose('hour')).toEqual({ step: 'hour', start: new Date(2026, 10, 28, 13), end });
    expect(choose('day')).toEqual({ step: 'day', start: new Date(2026, 9, 31), end });
    expect(choose('month')).toEqual({ step: 'month', start: new Date(2025, 11, 1), end });
  });

  it('is the same within an hour, so that it does not cause a query each time', () => {
    const later = new Date('2026-11-30T12:59:00+01:00');
    const choice = { step: 'day', from: '', to: '' } as const;
    expect(chooseUsageRange({ ...choice, now: later })).toEqual(chooseUsageRange({ ...choice, now: NOW }));
  });

  it('includes both days that are chosen', () => {
    const { start, end } = chooseUsageRange({ step: 'hour', from: '2026-11-01', to: '2026-11-02', now: NOW });
    expect([start, end]).toEqual([new Date(2026, 10, 1), new Date(2026, 10, 3)]);
  });

  it('reaches back from the last day if only this one is chosen', () => {
    const { start, end } = chooseUsageRange({ step: 'day', from: '', to: '2026-10-31', now: NOW });
    expect([start, end]).toEqual([new Date(2026, 9, 1), new Date(2026, 10, 1)]);
  });

  it('starts with the first hour that begins on the day, in zones whose days begin within an hour', () => {
    vi.stubEnv('TZ', 'Asia/Kolkata');
    const { start, end } = chooseUsageRange({ step: 'day', from: '2026-11-01', to: '2026-11-01', now: NOW });
    expect([start, end]).toEqual([new Date('2026-10-31T19:00:00Z'), new Date('2026-11-01T19:00:00Z')]);
  });

  it('ignores what is no day', () => {
    const choice = { step: 'month', to: '', now: NOW } as const;
    expect(chooseUsageRange({ ...choice, from: 'yesterday' })).toEqual(chooseUsageRange({ ...choice, from: '' }));
  });
});

describe('listBuckets', () => {
  it('lists each hour, day or month in which the range has a part', () => {
    const list = (step: 'hour' | 'day' | 'month', end: Date) =>
      listBuckets({ step, start: new Date(2026, 10, 29, 22), end }).map((time) => new Date(time));
    expect(list('hour', new Date(2026, 10, 30))).toEqual([new Date(2026, 10, 29, 22), new Date(2026, 10, 29, 23)]);
    expect(list('day', new Date(2026, 10, 30, 1))).toEqual([new Date(2026, 10, 29, 22), new Date(2026, 10, 30)]);
    expect(list('month', new Date(2026, 11, 2))).toEqual([new Date(2026, 10, 29, 22), new Date(2026, 11, 1)]);
  });
});
