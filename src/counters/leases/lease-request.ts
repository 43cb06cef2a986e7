import { elementAt } from '../../collections/element-at.ts';
import {
  type Decision,
  type DecisionResult,
  type Outcome,
  type Receipt,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { hitsToLease, leaseDuration, type Slice } from './slice.ts';

/** A request to the store for the next hits of a slice. */
export interface LeaseRequest {
  readonly slice: Slice;
  readonly hits: number;
  readonly decision: Decision;
}

const MICROS_PER_MS = 1000;

/**
 * Reports whether the shared counters decided. Only they lease: a grant of any other store counts on this node alone.
 */
export function isFromSharedStore(result: DecisionResult): result is Outcome {
  return !(result instanceof StoreUnavailable) && result.source === 'redis';
}

/** Returns the request for the next hits of a slice. undefined: it needs none now. */
export function prepareRequest(slice: Slice, now: number): LeaseRequest | undefined {
  const hits = hitsToLease(slice, now);
  if (hits === 0) return undefined;
  const { subject, limit } = slice;
  const spentWithinMicros = Math.ceil(leaseDuration(limit) * MICROS_PER_MS);
  return { slice, hits, decision: { charges: [{ subject, limit, hits, spentWithinMicros }] } };
}

/**
 * Fills the slice with the hits that the store granted. Returns the unspent hits that they replace. The store decided
 * after `sentAt`, so hits that are spent within a lease duration from `sentAt` are spent in time.
 */
export function applyAnswer({ slice, hits }: LeaseRequest, result: DecisionResult, sentAt: number): readonly Receipt[] {
  if (!isFromSharedStore(result)) return [];
  const outcome = elementAt(result.charges, 0);
  slice.remainingInStore = outcome.remaining;
  if (!result.granted) return [];
  const replaced = withdrawUnspent(slice);
  slice.unspent = hits;
  slice.size = hits;
  slice.expiresAt = sentAt + leaseDuration(slice.limit);
  slice.countsUntil = outcome.freeAt;
  return slice.isCancelled ? [...replaced, ...withdrawUnspent(slice)] : replaced;
}

/** Takes the unspent hits out of the slice. Returns the receipt that refunds them, or nothing where all are spent. */
export function withdrawUnspent(slice: Slice): readonly Receipt[] {
  const { subject, limit, unspent, countsUntil } = slice;
  if (unspent === 0) return [];
  slice.unspent = 0;
  const charge = { subject, limit, hits: unspent };
  return [{ id: undefined, source: 'redis', expiresAt: countsUntil, granted: [{ charge, countsUntil }] }];
}
