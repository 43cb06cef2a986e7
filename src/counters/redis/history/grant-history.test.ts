import { describe, expect, it } from 'vitest';
import type { SlidingWindowLimit } from '../../../domain/limits/limit.ts';
import { GrantHistory } from './grant-history.ts';

const limit: SlidingWindowLimit = {
  name: 'burst',
  algorithm: 'sliding_window',
  requests: 100,
  windowSeconds: 60,
  identity: 'burst/sliding_window/60',
};
const other = { ...limit, name: 'other', identity: 'other/sliding_window/60' };
const key = { subject: 'key', limit };
const MEGABYTE = 2 ** 20;

function open(coveredMs = 5000, maxBytes = MEGABYTE): GrantHistory {
  return new GrantHistory({ coveredMs, maxBytes });
}

/** Takes what was lost after a sequence. */
function takeAfter(history: GrantHistory, sequence: number, now = 1000, group = 0) {
  return history.takeLost(group, (each) => each > sequence, now).map(({ hits, hitEnd }) => [hits, hitEnd]);
}

describe('the history of grants', () => {
  it('returns the hits with a higher sequence, summed by counter and end, and only once', () => {
    const history = open();
    history.add(0, key, 2, 60, 10, 1000);
    history.add(0, key, 3, 60, 11, 1150);
    history.add(0, key, 4, 60, 12, 1300);
    history.add(0, key, 5, 70, 13, 1300);
    history.add(0, { subject: 'key', limit: other }, 6, 60, 14, 1300);
    expect(takeAfter(history, 10, 1400)).toEqual([
      [7, 60],
      [5, 70],
      [6, 60],
    ]);
    expect(takeAfter(history, 10, 1400)).toEqual([]);
  });

  it('returns all hits of the 100 ms in which some were lost', () => {
    const history = open();
    history.add(0, key, 2, 60, 10, 1000);
    history.add(0, key, 3, 60, 11, 1050);
    expect(takeAfter(history, 10)).toEqual([[5, 60]]);
  });

  it('keeps the groups apart', () => {
    const history = open();
    history.add(1, { subject: 'a', limit }, 2, 60, 10, 1000);
    history.add(2, { subject: 'b', limit }, 3, 60, 10, 1000);
    expect(takeAfter(history, 0, 1000, 2)).toEqual([[3, 60]]);
    expect(takeAfter(history, 0, 1000, 1)).toEqual([[2, 60]]);
  });

  it('nets refunds against hits that were lost as well, and returns those whose hits were not lost', () => {
    const history = open();
    history.add(0, key, 2, 60, 10, 1000);
    history.add(0, key, 3, 60, 12, 1200);
    history.add(0, key, -3, 60, 13, 1400);
    history.add(0, key, -1, 70, 14, 1400);
    expect(takeAfter(history, 11, 1500)).toEqual([[-1, 70]]);
  });

  it('returns refunds of 100 ms only if all of them were lost, because a refund must not be made twice', () => {
    const history = open();
    history.add(0, key, -1, 60, 10, 1000);
    history.add(0, key, -1, 60, 11, 1050);
    expect(takeAfter(history, 10)).toEqual([]);
    expect(takeAfter(history, 9)).toEqual([[-2, 60]]);
  });

  it('forgets a counter that was reset, and no other of its subject', () => {
    const history = open();
    history.add(0, key, 2, 60, 10, 1000);
    history.add(0, { subject: 'key', limit: other }, 3, 60, 10, 1000);
    history.forget({ ...key, limit: { ...limit } });
    expect(takeAfter(history, 0)).toEqual([[3, 60]]);
  });

  it('keeps hits for the covered time, and little longer', () => {
    const history = open(1000);
    for (let now = 0; now <= 5000; now += 50) history.add(0, key, 1, 60, now + 1, now);
    expect(history.coveredSeconds(5000)).toBe(1);
    const [[kept = 0] = []] = takeAfter(history, 0, 5000);
    expect(kept).toBeGreaterThanOrEqual(20);
    expect(kept).toBeLessThanOrEqual(31);
  });

  it('keeps hits of the covered time before a server fell silent, for a minute', () => {
    const history = open(1000);
    const fill = (group: number, from: number, to: number) => {
      for (let now = from; now <= to; now += 50) history.add(group, key, 1, 60, now + 1, now);
    };
    fill(0, 0, 5000);
    fill(1, 0, 5000);
    fill(1, 5000, 30_000); // the server of the other group answers
    const [[kept = 0] = []] = takeAfter(history, 0, 30_000);
    expect(kept).toBeGreaterThanOrEqual(20);
    expect(kept).toBeLessThanOrEqual(31);
    expect(takeAfter(history, 0, 91_000, 1)).toEqual([]);
  });

  it('begins afresh with the first hits after a pause', () => {
    const history = open(1000);
    history.add(0, key, 1, 60, 1, 0);
    history.add(0, key, 2, 60, 2, 10_000);
    expect(takeAfter(history, 0, 10_000)).toEqual([[2, 60]]);
  });

  it('drops the oldest hits of all groups beyond its bytes', () => {
    const history = open(5000, MEGABYTE / 4);
    const subjects = Array.from({ length: 100 }, (_, index) => ({ subject: `key${index}`, limit }));
    for (let now = 0; now < 128_000; now += 100) {
      for (const subject of subjects) history.add(Math.floor(now / 2000), subject, 1, now, 1, now);
    }
    expect(history.bytes).toBeLessThan(MEGABYTE);
    expect(takeAfter(history, 0, 128_000, 0)).toEqual([]);
    expect(takeAfter(history, 0, 128_000, 63)).not.toEqual([]);
  });

  it('keeps nothing if it covers no time', () => {
    const history = open(0);
    history.add(0, key, 1, 60, 1, 1000);
    expect([history.bytes, history.coveredSeconds(1000), takeAfter(history, 0)]).toEqual([0, 0, []]);
  });

  it('drops the oldest hits beyond its bytes, and says which time it covers then', () => {
    const history = open(5000, MEGABYTE);
    const subjects = Array.from({ length: 1000 }, (_, index) => ({ subject: `key${index}`, limit }));
    for (let now = 0; now < 20_000; now += 20) {
      for (const subject of subjects) history.add(0, subject, 1, now, now + 1, now);
    }
    expect(history.coveredSeconds(20_000)).toBeLessThan(2);
    expect(history.coveredSeconds(20_000)).toBeGreaterThan(0.1);
    expect(history.bytes).toBeLessThan(5 * MEGABYTE);
  });

  it('takes at most 32 MB for 200,000 decisions a second on 10,000 counters whose hits end together', () => {
    const history = open(5000, 24 * MEGABYTE);
    const subjects = Array.from({ length: 10_000 }, (_, index) => ({ subject: `key${index}`, limit }));
    for (let now = 0; now < 6000; now += 50) for (const subject of subjects) history.add(0, subject, 1, 60, now, now);
    expect(history.coveredSeconds(6000)).toBe(5);
    expect(history.bytes).toBeLessThan(32 * MEGABYTE);
  });
});
