import type { PlanLimit } from '../../domain/limits/plan-limit.ts';
import { findHeldLimits, type HeldLimit, type SupersededLimitSpec } from '../../domain/limits/superseded-limit.ts';

/** The held limits of a list of superseded ones. */
interface CachedLimits {
  /** The limits that they were found for. Changed limits are another list. */
  readonly current: readonly PlanLimit[];
  readonly held: readonly HeldLimit[];
}

export const NONE_HELD: readonly HeldLimit[] = [];

const cache = new WeakMap<readonly SupersededLimitSpec[], CachedLimits>();

/**
 * Returns the superseded limits of an account or a key that hold at `now` (Unix time in ms) alongside the current ones.
 * The list is the same until one of them ends or the current limits change, so charges can be cached by it.
 */
export function cachedHeldLimits(
  superseded: readonly SupersededLimitSpec[] | undefined,
  current: readonly PlanLimit[],
  now: number,
): readonly HeldLimit[] {
  if (superseded === undefined) return NONE_HELD;
  const cached = cache.get(superseded);
  const isCached = cached?.current === current;
  if (isCached && cached.held.every(({ holdsUntil }) => now < holdsUntil)) return cached.held;
  const found = isCached
    ? cached.held.filter(({ holdsUntil }) => now < holdsUntil)
    : findHeldLimits(superseded, current, now);
  const held = found.length === 0 ? NONE_HELD : found;
  cache.set(superseded, { current, held });
  return held;
}
