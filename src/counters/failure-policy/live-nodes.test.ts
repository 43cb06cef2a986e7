import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveNodes } from './live-nodes.ts';

const closing: LiveNodes[] = [];
beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  for (const census of closing.splice(0)) census.close();
  vi.useRealTimers();
});

/** A census that is told one count after the other, undefined where it cannot be told. */
function open(...counts: readonly (number | undefined)[]) {
  const told: number[] = [];
  const counted: number[] = [];
  const census = new LiveNodes({
    node: 'this',
    announce: async (_, lifeMs) => {
      told.push(lifeMs);
      const count = counts[told.length - 1];
      if (count === undefined) throw new Error('away');
      return count;
    },
    onCount: (count) => void counted.push(count),
  });
  closing.push(census);
  return { census, told, counted };
}

/** At most so long is between two announcements. */
const next = () => vi.advanceTimersByTimeAsync(5000);

describe('a node', () => {
  it('announces itself again before what it said is over, though one should fail', async () => {
    const { told } = open(1, undefined, 1, 1);
    await vi.advanceTimersByTimeAsync(2 * 5000 + 1000);
    expect(told.length).toBeGreaterThanOrEqual(4);
    for (const lifeMs of told) expect(lifeMs).toBeGreaterThan(2 * 5000 + 1000);
  });

  it('is alone until it is told of others', () => expect(open(undefined).census.count).toBe(1));

  it('keeps the last count while none can be told', async () => {
    const { census } = open(3);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(census.count).toBe(3);
  });

  it('believes that there are fewer only when it was told so twice', async () => {
    const { census, counted } = open(3, 1, 2, 2);
    await next();
    expect(census.count).toBe(3);
    await next();
    expect(census.count).toBe(2);
    expect(counted.slice(0, 3)).toEqual([3, 3, 2]);
  });

  it('announces itself no more once closed', async () => {
    const { census, told } = open(1, 1);
    census.close();
    await next();
    expect(told).toHaveLength(1);
  });
});
