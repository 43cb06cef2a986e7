import { describe, expect, it } from 'vitest';
import { ShardClock } from './shard-clock.ts';

/** In these tests the shard's clock is exactly 1,000 ms ahead. */
const AHEAD = 1_000_000;

describe('the estimated clock of a shard', () => {
  it('is unknown before the first sample and after a reset', () => {
    const clock = new ShardClock();
    expect(clock.toShardTime(5)).toBeUndefined();
    clock.addSample(10, 11, 10_500 + AHEAD);
    clock.reset();
    expect(clock.toShardTime(5)).toBeUndefined();
  });

  it('is never later than the real one, and at most a round trip earlier', () => {
    const clock = new ShardClock();
    clock.addSample(10, 14, 11_000 + AHEAD);
    expect(clock.toShardTime(20)).toBeLessThanOrEqual(20_000 + AHEAD);
    expect(clock.toShardTime(20)).toBeGreaterThanOrEqual(16_000 + AHEAD);
  });

  it('relies on the fastest reply', () => {
    const clock = new ShardClock();
    clock.addSample(10, 14, 11_000 + AHEAD);
    clock.addSample(20, 20.5, 20_250 + AHEAD);
    clock.addSample(30, 38, 31_000 + AHEAD);
    expect(clock.toShardTime(40)).toBe(39_750 + AHEAD);
  });

  it.each([500_000, -500_000])('starts over when the clock of the shard was set by %i µs', (step) => {
    const clock = new ShardClock();
    clock.addSample(20, 20.5, 20_250 + AHEAD);
    clock.addSample(30, 38, 31_000 + AHEAD + step);
    expect(clock.toShardTime(40)).toBe(33_000 + AHEAD + step);
  });

  it('accepts a slower reply once the last sample is old, because clocks drift', () => {
    const clock = new ShardClock();
    clock.addSample(20, 20.5, 20_250 + AHEAD);
    clock.addSample(1000, 1002, 1_001_000 + AHEAD);
    expect(clock.toShardTime(5000)).toBe(4_999_750 + AHEAD);
    clock.addSample(3000, 3002, 3_001_000 + AHEAD);
    expect(clock.toShardTime(5000)).toBe(4_999_000 + AHEAD);
  });
});
