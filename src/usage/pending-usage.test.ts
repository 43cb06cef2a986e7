import { describe, expect, it } from 'vitest';
import { PendingUsage } from './pending-usage.ts';
import type { UsageCell } from './usage-tally.ts';

const makeCell = (keyId: string, allowed = 1): UsageCell => ({
  ...{ accountId: 'a', keyId, planId: 'free', route: '' },
  ...{ allowed, rateLimited: 0, quotaExceeded: 0, denied: 0, hits: allowed },
});

describe('pending usage', () => {
  it('adds up rows of one hour until their flush is attempted, and never afterwards', () => {
    const pending = new PendingUsage('n');
    pending.add(3600, [makeCell('k')]);
    pending.add(3600, [makeCell('k', 2)]);
    pending.add(7200, [makeCell('k')]);
    const first = pending.next();
    expect(first).toMatchObject({ node: 'n', sequence: 1, rows: [{ hour: 3600, allowed: 3 }, { hour: 7200 }] });
    pending.add(7200, [makeCell('k', 5)]);
    expect(pending.next()).toBe(first);
    expect(first?.rows).toHaveLength(2);
    expect(first?.rows[1]).toMatchObject({ hour: 7200, allowed: 1 });
    pending.acknowledge();
    expect(pending.next()).toMatchObject({ sequence: 2, rows: [{ hour: 7200, allowed: 5 }] });
    pending.acknowledge();
    expect(pending.next()).toBeUndefined();
    expect(pending.size).toBe(0);
  });

  it('begins another flush after 2,000 rows', () => {
    const pending = new PendingUsage('n');
    pending.add(
      0,
      Array.from({ length: 4_001 }, (_, index) => makeCell(`k${index}`)),
    );
    expect(pending.flushes.map(({ sequence, rows }) => [sequence, rows.length])).toEqual([
      [1, 2_000],
      [2, 2_000],
      [3, 1],
    ]);
  });

  it('writes the flushes of the previous process first, under its name', () => {
    const pending = new PendingUsage('new');
    const restored = { node: 'old', sequence: 9, rows: [{ ...makeCell('k'), hour: 0 }] };
    pending.restore([restored]);
    pending.add(0, [makeCell('k')]);
    expect(pending.size).toBe(2);
    expect(pending.next()).toMatchObject(restored);
    pending.acknowledge();
    expect(pending.next()).toMatchObject({ node: 'new', sequence: 1 });
  });

  it('holds a bounded number of rows, and counts the requests that it drops', () => {
    const pending = new PendingUsage('n');
    for (let hour = 0; hour < 4; hour++) {
      pending.add(
        hour,
        Array.from({ length: 100_001 }, (_, index) => makeCell(`k${index}`, 2)),
      );
    }
    expect(pending.size).toBe(400_000);
    expect(pending.dropped).toBe(8);
    // Rows that are there still count.
    pending.add(0, [makeCell('k0', 2)]);
    expect(pending.dropped).toBe(8);
  });
});
