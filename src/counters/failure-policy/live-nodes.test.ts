import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveNodes } from './live-nodes.ts';

const MAX_ANNOUNCE_INTERVAL_MS = 1000;
const MAX_JOINING_DELAY_MS = 50;

const opened: LiveNodes[] = [];
beforeEach(() => void vi.useFakeTimers());
afterEach(async () => {
  for (const liveNodes of opened.splice(0)) await liveNodes.close();
  vi.useRealTimers();
});

interface Opening {
  readonly isDeciding?: boolean;
  readonly isReachable?: boolean;
  /** Numbers of nodes that announcements return, one after the other. undefined: the announcement fails. */
  readonly answers: readonly (number | undefined)[];
  /** `oldestUntil` of the announcements. Left out: this node's announcement is the oldest. */
  readonly oldest?: readonly number[];
  /** Whether the server lost its data before the announcements from this one on. Left out: it did not. */
  readonly lostBefore?: number;
}

function openNode({ isDeciding = true, isReachable = true, answers, oldest = [], lostBefore }: Opening) {
  const announcedTtls: number[] = [];
  const counts: number[] = [];
  const liveNodes = new LiveNodes({
    node: 'this',
    isDeciding,
    isReachable: () => isReachable,
    announce: async (_, ttlMs) => {
      const turn = announcedTtls.push(ttlMs) - 1;
      const nodes = answers[turn];
      if (nodes === undefined) throw new Error('unavailable');
      const announcedUntil = 1000 + turn;
      const countedForMicros = lostBefore !== undefined && turn >= lostBefore ? 11_999_999 : 12_000_000;
      return { nodes, announcedUntil, oldestUntil: oldest[turn] ?? announcedUntil, countedForMicros };
    },
    onCount: (count) => void counts.push(count),
  });
  opened.push(liveNodes);
  return { liveNodes, announcedTtls, counts };
}

const open = (...answers: readonly (number | undefined)[]) => openNode({ answers });
const waitForAnnouncement = (ms = MAX_ANNOUNCE_INTERVAL_MS) => vi.advanceTimersByTimeAsync(ms);

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

  it('lowers its count only after three lower counts in a row', async () => {
    const { liveNodes, counts } = open(3, 1, 2, 2);
    await waitForAnnouncement();
    await waitForAnnouncement();
    expect(liveNodes.count).toBe(3);
    await waitForAnnouncement();
    expect(liveNodes.count).toBe(2);
    expect(counts.slice(0, 3)).toEqual([3, 3, 3]);
  });

  it('does not lower its count while the server has counted nodes for less than an announcement lives', async () => {
    const { liveNodes } = openNode({ answers: [3, 1, 1, 1, 4], lostBefore: 1 });
    for (let turn = 0; turn < 3; turn++) await waitForAnnouncement();
    expect(liveNodes.count).toBe(3);
    await waitForAnnouncement();
    expect(liveNodes.count).toBe(4);
  });

  it('only counts the others if it does not decide, and never counts fewer than one', async () => {
    const { liveNodes, announcedTtls } = openNode({ isDeciding: false, answers: [0, 2] });
    await vi.advanceTimersByTimeAsync(0);
    expect(liveNodes.count).toBe(1);
    await waitForAnnouncement();
    expect(liveNodes.count).toBe(2);
    expect(announcedTtls).toEqual([0, 0]);
  });

  it('stops announcing itself once it is closed, and takes its announcement back', async () => {
    const { liveNodes, announcedTtls } = open(1, 1);
    await liveNodes.close();
    await waitForAnnouncement();
    expect(announcedTtls).toEqual([12_000, 0]);
  });
});

describe('the share of a new node', () => {
  it('is taken at once by a node that is alone', async () => {
    const { liveNodes } = open(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(liveNodes.takesShare).toBe(true);
  });

  it('is taken once all others have announced themselves after it, for which the node asks 20 times a second', async () => {
    const { liveNodes, counts } = openNode({ answers: [3, 3, 3, 3], oldest: [500, 999, 1000, 500] });
    await vi.advanceTimersByTimeAsync(0);
    await waitForAnnouncement(MAX_JOINING_DELAY_MS);
    expect([liveNodes.takesShare, counts]).toEqual([false, []]);
    await waitForAnnouncement(MAX_JOINING_DELAY_MS);
    expect([liveNodes.takesShare, counts]).toEqual([true, [3]]);
    await waitForAnnouncement();
    expect(liveNodes.takesShare).toBe(true);
  });

  it('is not taken before the first announcement, unless the counters cannot be reached', async () => {
    expect(open(undefined).liveNodes.takesShare).toBe(false);
    expect(openNode({ isReachable: false, answers: [] }).liveNodes.takesShare).toBe(true);
  });

  it('stays with the others while announcements fail before all have counted the node', async () => {
    const { liveNodes } = openNode({ isReachable: false, answers: [3], oldest: [500] });
    await vi.advanceTimersByTimeAsync(600_000);
    expect(liveNodes.takesShare).toBe(false);
  });
});
