import type { Limit } from './limit.ts';

/** A window counts a hit for up to a sixtieth longer than it lasts (docs/guarantees.md). */
const MAX_WINDOW_EXCESS = 1 + 1 / 60;

/**
 * Whether `limit` can never reject a request that `other` grants, if both are decided together. Compares windows only,
 * with another window that is as long or shorter. Limits that are charged apart from
 * requests, and those that notify, are never idle.
 */
export function isIdleNextTo(limit: Limit, other: Limit): boolean {
  if (!isPlainWindow(limit) || !isPlainWindow(other) || other.algorithm !== 'sliding_window') return false;
  if (limit.onStoreFailure !== other.onStoreFailure) return false;
  const { requests, windowSeconds } = limit;
  if (other.windowSeconds > windowSeconds) return false;
  if (windowSeconds === other.windowSeconds && limit.algorithm === other.algorithm) return other.requests <= requests;
  const windows = Math.ceil((windowSeconds * MAX_WINDOW_EXCESS) / other.windowSeconds);
  return other.requests * windows <= requests;
}

function isPlainWindow(limit: Limit): limit is Limit & { algorithm: 'sliding_window' | 'fixed_window' } {
  if (limit.algorithm !== 'sliding_window' && limit.algorithm !== 'fixed_window') return false;
  return limit.chargeRejected === undefined && limit.settle === undefined && limit.notifyAt === undefined;
}
