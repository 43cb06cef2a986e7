import type { Charge } from '../../decide/ports.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';

interface Share {
  readonly nodes: number;
  readonly limit: CountedLimit;
}

const shares = new WeakMap<CountedLimit, Share>();

/**
 * The charge on what one of so many nodes may grant of its limit: an equal share, rounded down, at least 1 of one that
 * grants anything. It is the
 * same counter, as requests do not name it. Kept by limit, since limits are few and long-lived.
 */
export function shareLimit(charge: Charge, nodes: number): Charge {
  const { limit } = charge;
  if (nodes <= 1) return charge;
  let share = shares.get(limit);
  if (share?.nodes !== nodes) {
    share = { nodes, limit: divided(limit, nodes) };
    shares.set(limit, share);
  }
  return { ...charge, limit: share.limit };
}

function divided(limit: CountedLimit, nodes: number): CountedLimit {
  const requests = portion(limit.requests, nodes);
  return limit.algorithm === 'token_bucket'
    ? { ...limit, requests, burst: portion(limit.burst, nodes) }
    : { ...limit, requests };
}

function portion(whole: number, nodes: number): number {
  return Math.max(Math.min(1, whole), Math.floor(whole / nodes));
}
