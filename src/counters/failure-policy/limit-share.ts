import type { CountedLimit } from '../../domain/limits/limit.ts';

interface LimitShare {
  readonly nodes: number;
  readonly limit: CountedLimit;
}

/** The latest share of each limit. Limits are few and long-lived. */
const cachedShares = new WeakMap<CountedLimit, LimitShare>();

/**
 * Returns one node's share of a limit: an equal part, rounded down, but at least 1 where the limit grants anything. The
 * share has the same counter as the limit, as the identity of a limit leaves `requests` out.
 */
export function shareLimit(limit: CountedLimit, nodes: number): CountedLimit {
  if (nodes <= 1) return limit;
  let share = cachedShares.get(limit);
  if (share?.nodes !== nodes) {
    share = { nodes, limit: divideLimit(limit, nodes) };
    cachedShares.set(limit, share);
  }
  return share.limit;
}

/** The cap of each share. */
const cachedCaps = new WeakMap<CountedLimit, CountedLimit>();

/**
 * Returns the limit of what a node may grant alone with this share, whatever the shared counters answer in between. It has
 * a counter of its own, which counts grants and nothing else. undefined: it would be too strict. Slots of a concurrency
 * limit are released through any node, and credits never end.
 */
export function capOfShare(share: CountedLimit): CountedLimit | undefined {
  if (share.algorithm === 'concurrency' || share.algorithm === 'credits') return undefined;
  const cached = cachedCaps.get(share);
  if (cached !== undefined) return cached;
  const { blockForSeconds, chargeRejected, ...counted } = share;
  const cap: CountedLimit = { ...counted, identity: `${share.identity}/alone` };
  cachedCaps.set(share, cap);
  return cap;
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
