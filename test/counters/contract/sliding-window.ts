import { describe, expect, it } from 'vitest';
import { makeCharge, makeLimit, SECOND } from '../model/builders.ts';
import type { StoreHarness } from './store-harness.ts';

export function describeSlidingWindow(harness: StoreHarness): void {
  describe('a sliding_window limit', () => {
    describeGrants(harness);
    describeChangedLimits(harness);
    describeClockSteps(harness);
  });
}

function describeGrants(harness: StoreHarness): void {
  it('grants as many hits as the limit allows, counts down what remains, and rejects the next hit', async () => {
    const one = makeCharge(harness.subject(), makeLimit(2, '60s'));
    expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: 1, retryAfter: undefined });
    expect(await harness.charge(one)).toMatchObject({ exceeded: false, remaining: 0, retryAfter: undefined });
    expect(await harness.charge(one)).toMatchObject({ exceeded: true, remaining: 0, retryAfter: 60 * SECOND });
  });

  it('counts a hit of a small limit until exactly a window after it', async () => {
    const one = makeCharge(harness.subject(), makeLimit(1, '60s'));
    harness.now += 12_345;
    await harness.charge(one);
    harness.now += 60 * SECOND - 1;
    expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
    harness.now += 1;
    expect(await harness.charge(one)).toMatchObject({ exceeded: false });
  });

  it('counts a hit of a large limit until a window after the end of its sub-bucket', async () => {
    const all = makeCharge(harness.subject(), makeLimit(160, '16s'), 160);
    harness.now += SECOND / 4;
    expect(await harness.charge(all)).toMatchObject({ exceeded: false, resetAfter: 16.75 * SECOND });
    harness.now += 16.75 * SECOND - 1;
    expect(await harness.charge(all)).toMatchObject({ exceeded: true, retryAfter: 1 });
    harness.now += 1;
    expect(await harness.charge(all)).toMatchObject({ exceeded: false });
  });

  it.each([10, 1000])(
    'reports when the same hits will fit, and grants them then, with a limit of %i',
    async (requests) => {
      const limit = makeLimit(requests, '60s');
      const subject = harness.subject();
      for (let i = 0; i < 10; i++) {
        await harness.charge(makeCharge(subject, limit, requests / 10));
        harness.now += 5 * SECOND;
      }
      const half = makeCharge(subject, limit, requests / 2);
      const { exceeded, retryAfter = 0 } = await harness.charge(half);
      expect(exceeded).toBe(true);
      harness.now += retryAfter - 1;
      expect(await harness.charge(half)).toMatchObject({ exceeded: true, retryAfter: 1 });
      harness.now += 1;
      expect(await harness.charge(half)).toMatchObject({ exceeded: false, remaining: 0 });
    },
  );

  it('reports when the whole limit is free again: a window after the last grant', async () => {
    const one = makeCharge(harness.subject(), makeLimit(2, '60s'));
    await harness.charge(one);
    harness.now += SECOND;
    expect(await harness.charge(one)).toMatchObject({ resetAfter: 60 * SECOND });
    harness.now += SECOND;
    expect(await harness.charge(one)).toMatchObject({ exceeded: true, resetAfter: 59 * SECOND });
  });

  it('answers a peek of 0 hits and changes nothing', async () => {
    const limit = makeLimit(2, '60s');
    const peek = makeCharge(harness.subject(), limit, 0);
    const free = { exceeded: false, remaining: 2, resetAfter: 0, retryAfter: undefined };
    expect(await harness.charge(peek)).toEqual({ ...free, freeAt: harness.now });
    expect(await harness.charge(peek)).toEqual({ ...free, freeAt: harness.now });
    await harness.charge({ ...peek, hits: 2 });
    expect(await harness.charge(peek)).toMatchObject({ ...free, remaining: 0, resetAfter: 60 * SECOND });
  });

  it('never grants more hits than the limit, and reports no time at which they fit', async () => {
    const limit = makeLimit(2, '60s');
    expect(await harness.charge(makeCharge(harness.subject(), limit, 3))).toMatchObject({
      exceeded: true,
      remaining: 2,
      resetAfter: 0,
      retryAfter: undefined,
    });
  });

  it('counts each hit of the largest possible limit', async () => {
    const limit = makeLimit(2 ** 32 - 1, '1s');
    const subject = harness.subject();
    await harness.charge(makeCharge(subject, limit, 2 ** 32 - 2));
    expect(await harness.charge(makeCharge(subject, limit, 2))).toMatchObject({ exceeded: true, remaining: 1 });
    expect(await harness.charge(makeCharge(subject, limit, 1))).toMatchObject({ exceeded: false, remaining: 0 });
  });

  it('counts to the microsecond in the longest window of ten years', async () => {
    const one = makeCharge(harness.subject(), makeLimit(1, '3650d'));
    await harness.charge(one);
    harness.now += 3;
    expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 3650 * 86_400 * SECOND - 3 });
  });
}

function describeChangedLimits(harness: StoreHarness): void {
  it.each([
    [10, 60],
    [10, 100],
    [100, 1000],
  ])('keeps its hits when it is raised from %i to %i', async (before, after) => {
    const subject = harness.subject();
    await harness.charge(makeCharge(subject, makeLimit(before, '16s'), before));
    harness.now += SECOND;
    const raised = makeLimit(after, '16s');
    expect(await harness.charge(makeCharge(subject, raised))).toMatchObject({ remaining: after - before - 1 });
    harness.now += 15 * SECOND - 1;
    expect(await harness.charge(makeCharge(subject, raised, 0))).toMatchObject({ remaining: after - before - 1 });
  });

  it.each([
    [60, 10],
    [100, 10],
    [1000, 100],
  ])('keeps its hits when it is lowered from %i to %i', async (before, after) => {
    const subject = harness.subject();
    await harness.charge(makeCharge(subject, makeLimit(before, '16s'), before));
    harness.now += SECOND;
    const lowered = makeCharge(subject, makeLimit(after, '16s'));
    const { retryAfter = 0, ...rejected } = await harness.charge(lowered);
    expect(rejected).toMatchObject({ exceeded: true, remaining: 0 });
    expect(retryAfter).toBeGreaterThanOrEqual(15 * SECOND);
    harness.now += retryAfter - 1;
    expect(await harness.charge(lowered)).toMatchObject({ exceeded: true, retryAfter: 1 });
    harness.now += 1;
    expect(await harness.charge(lowered)).toMatchObject({ exceeded: false, remaining: after - 1 });
  });

  it('counts exactly again after it was lowered, once the hits in sub-buckets have ended', async () => {
    const subject = harness.subject();
    harness.now += SECOND / 4;
    await harness.charge(makeCharge(subject, makeLimit(100, '16s'), 5));
    const lowered = makeCharge(subject, makeLimit(10, '16s'), 5);
    await harness.charge(lowered);
    harness.now += 17 * SECOND;
    expect(await harness.charge(lowered)).toMatchObject({ exceeded: false, remaining: 5 });
    harness.now += 16 * SECOND - 1;
    expect(await harness.charge({ ...lowered, hits: 6 })).toMatchObject({
      exceeded: true,
      remaining: 5,
      retryAfter: 1,
    });
    harness.now += 1;
    expect(await harness.charge({ ...lowered, hits: 10 })).toMatchObject({ exceeded: false });
  });
}

function describeClockSteps(harness: StoreHarness): void {
  it('does not free hits again when the clock is set back a little', async () => {
    const one = makeCharge(harness.subject(), makeLimit(1, '16s'));
    await harness.charge(one);
    harness.now += 16 * SECOND;
    await harness.charge(one);
    harness.now -= SECOND;
    expect(await harness.charge(one)).toMatchObject({ exceeded: true, retryAfter: 17 * SECOND });
  });

  it.each([1, 100])(
    'rejects for a window at most after a clock that ran far ahead, with a limit of %i',
    async (requests) => {
      const all = makeCharge(harness.subject(), makeLimit(requests, '16s'), requests);
      harness.now += 365 * 86_400 * SECOND;
      await harness.charge(all);
      harness.now -= 365 * 86_400 * SECOND;
      const { exceeded, retryAfter = 0 } = await harness.charge(all);
      expect(exceeded).toBe(true);
      expect(retryAfter).toBeLessThanOrEqual(17 * SECOND);
      harness.now += retryAfter - 1;
      expect(await harness.charge(all)).toMatchObject({ exceeded: true, retryAfter: 1 });
      harness.now += 1;
      expect(await harness.charge(all)).toMatchObject({ exceeded: false });
    },
  );
}
