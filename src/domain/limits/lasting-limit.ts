import { isCheckpointed } from '../counting/checkpoint.ts';
import type { Limit } from './limit.ts';

const SECONDS_PER_DAY = 86_400;

/**
 * Whether the subjects of a limit would get it back for a day or longer if the counters were lost: its window is that long, and
 * it has no checkpoints. Slots are held for less.
 */
export function isLasting(limit: Limit): boolean {
  if (limit.algorithm === 'unlimited' || limit.algorithm === 'credits' || limit.algorithm === 'concurrency')
    return false;
  return limit.windowSeconds >= SECONDS_PER_DAY && !isCheckpointed(limit);
}
