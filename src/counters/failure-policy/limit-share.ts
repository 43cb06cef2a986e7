import type { Charge } from '../../decide/ports.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';

interface LimitShare {
  readonly nodes: number;
  readonly limit: CountedLimit;
}

/** The latest share of each limit. Limits are few and long-lived. */
const cachedShares = new WeakMap<CountedLimit, LimitShare>();

/**
 * Returns the charge on one node's share of its limit: an equal part, rounded down, but at least 1 where the limit
 * grants anything. The share has the same counter as the limit, as the identity of a limit leaves `requests` out.
 */
export function shareLimit(charge: Charge, nodes: number): Charge {
  const { limit } = charge;
  if (nodes <= 1) return charge;
  let share = cachedShares.get(limit);
  if (share?.nodes !== nodes) {
    share = { nodes, limit: divideLimit(limit, nodes) };
    cachedShares.set(limit, share);
  }
  return { ...charge, limit: share.limit };
}

function divideLimit(limit: CountedLimit, nodes: number): CountedLimit {
  const requests = divideHits(limit.requests, nodes);
  return limit.algorithm === 'token_bucket'
    ? { ...limit, requests, burst: divideHits(limit.burst, nodes) }
    : { ...limit, requests };
}

function divideHits(hits: number, nodes: number): number {
  return Math.max(Math.min(1, hits), Math.floor(hits / nodes));
}
