import { describe, expect, it } from 'vitest';
import { makeCharge, makeLimit, SECOND } from '../model/traces.ts';
import type { StoreHarness } from './counter-store-contract.ts';

export function describeSlidingWindow(bench: StoreHarness): void {
  describe('sliding_window', () => {
    describeGrants(bench);
    describeChangedLimits(bench);
    describeClockSteps(bench);
  });
}

function describeGrants(bench: StoreHarness): void {
  it('grants as many as the limit says, counting down what remains, and refuses the next', async () => {
    const one = makeCharge(bench.subject(), makeLimit(2, '60s'));
    expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 1, retryAfter: undefined });
    expect(await bench.charge(one)).toMatchObject({ exceeded: false, remaining: 0, retryAfter: undefined });
    expect(await bench.charge(one)).toMatchObject({ exceeded: true, remaining: 0, retryAfter: 60 * SECOND });
  });

  it('lets a hit of a small limit count until exactly a window after it, and no longer', async () => {
    const one = makeCharge(bench.subject(), makeLimit(1, '60s'));
    bench.now += 12_345;
    await bench.charge(one);
    bench.now += 60 * SECOND - 1;
    expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 1 });
    bench.now += 1;
    expect(await bench.charge(one)).toMatchObject({ exceeded: false });
  });

  it('lets a hit of a large limit count until a window after the end of its sub-bucket', async () => {
    const all = makeCharge(bench.subject(), makeLimit(160, '16s'), 160);
    bench.now += SECOND / 4;
    expect(await bench.charge(all)).toMatchObject({ exceeded: false, resetAfter: 16.75 * SECOND });
    bench.now += 16.75 * SECOND - 1;
    expect(await bench.charge(all)).toMatchObject({ exceeded: true, retryAfter: 1 });
    bench.now += 1;
    expect(await bench.charge(all)).toMatchObject({ exceeded: false });
  });

  it.each([10, 1000])('tells when as many as asked fit, and grants them then: limit %i', async (requests) => {
    const limit = makeLimit(requests, '60s');
    const subject = bench.subject();
    for (let i = 0; i < 10; i++) {
      await bench.charge(makeCharge(subject, limit, requests / 10));
      bench.now += 5 * SECOND;
    }
    const half = makeCharge(subject, limit, requests / 2);
    const { exceeded, retryAfter = 0 } = await bench.charge(half);
    expect(exceeded).toBe(true);
    bench.now += retryAfter - 1;
    expect(await bench.charge(half)).toMatchObject({ exceeded: true, retryAfter: 1 });
    bench.now += 1;
    expect(await bench.charge(half)).toMatchObject({ exceeded: false, remaining: 0 });
  });

  it('tells when the whole limit is free again: a window after the last grant', async () => {
    const one = makeCharge(bench.subject(), makeLimit(2, '60s'));
    await bench.charge(one);
    bench.now += SECOND;
    expect(await bench.charge(one)).toMatchObject({ resetAfter: 60 * SECOND });
    bench.now += SECOND;
    expect(await bench.charge(one)).toMatchObject({ exceeded: true, resetAfter: 59 * SECOND });
  });

  it('looks with 0 hits and changes nothing', async () => {
    const limit = makeLimit(2, '60s');
    const look = makeCharge(bench.subject(), limit, 0);
    const free = { exceeded: false, remaining: 2, resetAfter: 0, retryAfter: undefined };
    expect(await bench.charge(look)).toEqual({ ...free, freeAt: bench.now });
    expect(await bench.charge(look)).toEqual({ ...free, freeAt: bench.now });
    await bench.charge({ ...look, hits: 2 });
    expect(await bench.charge(look)).toMatchObject({ ...free, remaining: 0, resetAfter: 60 * SECOND });
  });

  it('promises no time for more hits than the limit, and never grants them', async () => {
    const limit = makeLimit(2, '60s');
    expect(await bench.charge(makeCharge(bench.subject(), limit, 3))).toMatchObject({
      exceeded: true,
      remaining: 2,
      resetAfter: 0,
      retryAfter: undefined,
    });
  });

  it('counts up to the largest limit, hit for hit', async () => {
    const limit = makeLimit(2 ** 32 - 1, '1s');
    const subject = bench.subject();
    await bench.charge(makeCharge(subject, limit, 2 ** 32 - 2));
    expect(await bench.charge(makeCharge(subject, limit, 2))).toMatchObject({ exceeded: true, remaining: 1 });
    expect(await bench.charge(makeCharge(subject, limit, 1))).toMatchObject({ exceeded: false, remaining: 0 });
  });

  it('keeps hits of the longest window, ten years, to the µs', async () => {
    const one = makeCharge(bench.subject(), makeLimit(1, '3650d'));
    await bench.charge(one);
    bench.now += 3;
    expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 3650 * 86_400 * SECOND - 3 });
  });
}

function describeChangedLimits(bench: StoreHarness): void {
  it.each([
    [10, 60],
    [10, 100],
    [100, 1000],
  ])('keeps what was used when a limit is raised from %i to %i', async (before, after) => {
    const subject = bench.subject();
    await bench.charge(makeCharge(subject, makeLimit(before, '16s'), before));
    bench.now += SECOND;
    const raised = makeLimit(after, '16s');
    expect(await bench.charge(makeCharge(subject, raised))).toMatchObject({ remaining: after - before - 1 });
    bench.now += 15 * SECOND - 1;
    expect(await bench.charge(makeCharge(subject, raised, 0))).toMatchObject({ remaining: after - before - 1 });
  });

  it.each([
    [60, 10],
    [100, 10],
    [1000, 100],
  ])('keeps what was used when a limit is lowered from %i to %i', async (before, after) => {
    const subject = bench.subject();
    await bench.charge(makeCharge(subject, makeLimit(before, '16s'), before));
    bench.now += SECOND;
    const lowered = makeCharge(subject, makeLimit(after, '16s'));
    const { retryAfter = 0, ...refused } = await bench.charge(lowered);
    expect(refused).toMatchObject({ exceeded: true, remaining: 0 });
    expect(retryAfter).toBeGreaterThanOrEqual(15 * SECOND);
    bench.now += retryAfter - 1;
    expect(await bench.charge(lowered)).toMatchObject({ exceeded: true, retryAfter: 1 });
    bench.now += 1;
    expect(await bench.charge(lowered)).toMatchObject({ exceeded: false, remaining: after - 1 });
  });

  it('counts exactly again once a lowered limit has forgotten its sub-buckets', async () => {
    const subject = bench.subject();
    bench.now += SECOND / 4;
    await bench.charge(makeCharge(subject, makeLimit(100, '16s'), 5));
    const lowered = makeCharge(subject, makeLimit(10, '16s'), 5);
    await bench.charge(lowered);
    bench.now += 17 * SECOND;
    expect(await bench.charge(lowered)).toMatchObject({ exceeded: false, remaining: 5 });
    bench.now += 16 * SECOND - 1;
    expect(await bench.charge({ ...lowered, hits: 6 })).toMatchObject({ exceeded: true, remaining: 5, retryAfter: 1 });
    bench.now += 1;
    expect(await bench.charge({ ...lowered, hits: 10 })).toMatchObject({ exceeded: false });
  });
}

function describeClockSteps(bench: StoreHarness): void {
  it('does not run back with a clock that is set back a little', async () => {
    const one = makeCharge(bench.subject(), makeLimit(1, '16s'));
    await bench.charge(one);
    bench.now += 16 * SECOND;
    await bench.charge(one);
    bench.now -= SECOND;
    expect(await bench.charge(one)).toMatchObject({ exceeded: true, retryAfter: 17 * SECOND });
  });

  it.each([1, 100])('blocks for a window at most after a clock that ran far ahead: limit %i', async (requests) => {
    const all = makeCharge(bench.subject(), makeLimit(requests, '16s'), requests);
    bench.now += 365 * 86_400 * SECOND;
    await bench.charge(all);
    bench.now -= 365 * 86_400 * SECOND;
    const { exceeded, retryAfter = 0 } = await bench.charge(all);
    expect(exceeded).toBe(true);
    expect(retryAfter).toBeLessThanOrEqual(17 * SECOND);
    bench.now += retryAfter - 1;
    expect(await bench.charge(all)).toMatchObject({ exceeded: true, retryAfter: 1 });
    bench.now += 1;
    expect(await bench.charge(all)).toMatchObject({ exceeded: false });
  });
}
