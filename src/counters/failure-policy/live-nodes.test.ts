import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveNodes } from './live-nodes.ts';

const MAX_ANNOUNCE_INTERVAL_MS = 5000;

const opened: LiveNodes[] = [];
beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  for (const liveNodes of opened.splice(0)) liveNodes.close();
  vi.useRealTimers();
});

/** Opens live nodes whose announcements return these counts, one after the other. undefined: the announcement fails. */
function open(...answers: readonly (number | undefined)[]) {
  const announcedTtls: number[] = [];
  const counts: number[] = [];
  const liveNodes = new LiveNodes({
    node: 'this',
    announce: async (_, ttlMs) => {
      announcedTtls.push(ttlMs);
      const count = answers[announcedTtls.length - 1];
      if (count === undefined) throw new Error('unavailable');
      return count;
    },
    onCount: (count) => void counts.push(count),
  });
  opened.push(liveNodes);
  return { liveNodes, announcedTtls, counts };
}

const waitForAnnouncement = () => vi.advanceTimersByTimeAsync(MAX_ANNOUNCE_INTERVAL_MS);

describe('a node', () => {
  it('announces itself again before its announcement expires, even if one announcement fails', async () => {
    const { announcedTtls } = open(1, undefined, 1, 1);
    const withOneMissedMs = 2 * MAX_ANNOUNCE_INTERVAL_MS + 1000;
    await vi.advanceTimersByTimeAsync(withOneMissedMs);
    expect(announcedTtls.length).toBeGreaterThanOrEqual(4);
    for (const ttlMs of announcedTtls) expect(ttlMs).toBeGreaterThan(withOneMissedMs);
  });

  it('counts itself alone until an announcement succeeds', () => expect(open(undefined).liveNodes.count).toBe(1));

  it('keeps the last count while announcements fail', async () => {
    const { liveNodes } = open(3);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(liveNodes.count).toBe(3);
  });

  it('lowers its count only after two lower counts in a row', async () => {
    const { liveNodes, counts } = open(3, 1, 2, 2);
    await waitForAnnouncement();
    expect(liveNodes.count).toBe(3);
    await waitForAnnouncement();
    expect(liveNodes.count).toBe(2);
    expect(counts.slice(0, 3)).toEqual([3, 3, 2]);
  });

  it('stops announcing itself once it is closed', async () => {
    const { liveNodes, announcedTtls } = open(1, 1);
    liveNodes.close();
    await waitForAnnouncement();
    expect(announcedTtls).toHaveLength(1);
  });
});
