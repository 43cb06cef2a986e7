import { describe, expect, it } from 'vitest';
import type { SlidingWindowLimit } from '../../core/limit.ts';
import type { Decision } from '../../decide/ports.ts';
import { MemoryStore } from './memory-store.ts';
import { systemMicroseconds } from './system-clock.ts';

const SECOND = 1_000_000;

function decision(subject: string, name = 'burst', hits = 1): Decision {
  const limit: SlidingWindowLimit = {
    name,
    algorithm: 'sliding_window',
    requests: 5,
    windowSeconds: 60,
    identity: `${name}/sliding_window/60`,
  };
  return { charges: [{ subject, limit, hits }] };
}

function openStore(mostCounters: number) {
  const clock = { now: 1_773_490_800 * SECOND };
  return { clock, store: new MemoryStore({ now: () => clock.now, mostCounters, source: 'memory' }) };
}

async function grants(store: MemoryStore, ...decisions: readonly Decision[]): Promise<readonly boolean[]> {
  return (await store.decide(decisions)).map(({ granted }) => granted);
}

describe('memory of the counters in memory', () => {
  it('stays bounded by the live ones while subjects come and go', async () => {
    const { clock, store } = openStore(1_000_000);
    let most = 0;
    for (let i = 0; i < 20_000; i++) {
      await store.decide([decision(`subject${i}`, `limit${i % 3}`)]);
      clock.now += 60_000; // 1,000 live at a time
      most = Math.max(most, store.size);
    }
    expect(most).toBeLessThan(3000);
  });

  it('takes no counter for looks and refusals', async () => {
    const { store } = openStore(10);
    expect(await grants(store, decision('a', 'burst', 0), decision('b', 'burst', 6))).toEqual([true, false]);
    expect(store.size).toBe(0);
  });

  it('at its bound refuses new subjects, promising no time, and goes on for those it counts', async () => {
    const { store } = openStore(2);
    expect(await grants(store, decision('a'), decision('b'), decision('c'), decision('a'))).toEqual([
      true,
      true,
      false,
      true,
    ]);
    const [refused] = await store.decide([decision('c')]);
    expect(refused?.charges).toEqual([{ exceeded: true, remaining: 0, resetAfter: 0, retryAfter: undefined }]);
    expect(store.size).toBe(2);
  });

  it('at its bound gives the places of ended counters to new subjects', async () => {
    const { clock, store } = openStore(2);
    await store.decide([decision('a')]);
    clock.now += 30 * SECOND;
    await store.decide([decision('b')]);
    clock.now += 30 * SECOND;
    expect(await grants(store, decision('c'), decision('d'))).toEqual([true, false]);
  });

  it('charges a counter that had ended also when its place was just given away', async () => {
    const { clock, store } = openStore(5);
    await store.decide(['a', 'b', 'c', 'd', 'e'].map((subject) => decision(subject)));
    clock.now += 60 * SECOND;
    const ended = { charges: ['e', 'new', 'newer'].flatMap((subject) => decision(subject).charges) };
    const outcomes = await store.decide([ended, ended]);
    expect(outcomes.map(({ charges }) => charges.map(({ remaining }) => remaining))).toEqual([
      [4, 4, 4],
      [3, 3, 3],
    ]);
  });
});

it('tells the time in whole µs since 1970, never running back', () => {
  const first = systemMicroseconds();
  const second = systemMicroseconds();
  expect(Number.isSafeInteger(first)).toBe(true);
  expect(second).toBeGreaterThanOrEqual(first);
  expect(Math.abs(first / 1000 - Date.now())).toBeLessThan(60_000);
});
