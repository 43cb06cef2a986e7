import type { SlidingWindowLimit } from '../../../src/domain/limits/limit.ts';

export function leasedLimit(requests: number, windowSeconds: number): SlidingWindowLimit {
  return {
    name: 'hot',
    algorithm: 'sliding_window',
    requests,
    windowSeconds,
    identity: `hot/s${windowSeconds}`,
    lease: true,
  };
}
