import { periodAt } from '../counting/calendar-period.ts';
import { SUB_BUCKETS_PER_WINDOW, toPeriodDefinition } from '../counting/counter-spec.ts';
import type { CountedLimit } from './limit.ts';
import { limitCapacity } from './limit-status.ts';
import {
  type PlanLimit,
  type PlanLimitSpec,
  parsePlanLimit,
  toPlanLimitSpec,
  type UntrustedPlanLimitSpec,
} from './plan-limit.ts';

/**
 * A limit as it was before an edit of its plan or key, or a limit of the plan that an account or a key had before, as
 * stored in the database with the plan, the account or the key.
 */
export interface SupersededLimitSpec {
  /** Only the fields that `findHeldLimits` needs. */
  readonly limit: PlanLimitSpec;
  /** When the edit was made, or the plan changed. Unix time in ms. */
  readonly supersedeTime: number;
}

/** A superseded limit that holds alongside the current limit of the same name, so that an edit opens no new budget. */
export interface HeldLimit {
  readonly limit: PlanLimit & CountedLimit;
  /** Until when it holds. Unix time in ms. */
  readonly holdsUntil: number;
}

/** More edits of one limit within its window forget the oldest. */
const MAX_SUPERSEDED_PER_NAME = 4;
/** More names within the windows of their limits forget the oldest. */
const MAX_SUPERSEDED = 32;
const MICROS_PER_MILLISECOND = 1000;
const MS_PER_SECOND = 1000;

/**
 * Returns the superseded limits after the limits `before` have become `after` at `now` (Unix time in ms), the newest
 * first: those that were stored before, in any order, and those that are changed or removed, as far as their counters may
 * still have hits. Credits are left out, because time never empties their counters.
 */
export function supersedeLimits(
  before: readonly PlanLimitSpec[],
  after: readonly PlanLimitSpec[],
  stored: readonly SupersededLimitSpec[],
  now: number,
): readonly SupersededLimitSpec[] {
  const current = new Set(after.flatMap(identifyCounter));
  const edited = before.map((limit): SupersededLimitSpec => ({ limit, supersedeTime: now }));
  const identities = new Set<string>();
  const countByName = new Map<string, number>();
  const kept: SupersededLimitSpec[] = [];
  for (const { limit: spec, supersedeTime } of sortNewestFirst([...edited, ...stored])) {
    const [identity] = identifyCounter(spec);
    if (identity === undefined || current.has(identity) || identities.has(identity)) continue;
    const limit = parseCounted(spec);
    if (limit === undefined || limit.algorithm === 'credits' || forgetTime(limit, supersedeTime) <= now) continue;
    const count = countByName.get(limit.name) ?? 0;
    if (count >= MAX_SUPERSEDED_PER_NAME || kept.length >= MAX_SUPERSEDED) continue;
    identities.add(identity);
    countByName.set(limit.name, count + 1);
    kept.push({ limit: keepCounterFields(limit), supersedeTime });
  }
  return kept;
}

/** Leaves out the superseded limits whose counters have no hits any more at `now` (Unix time in ms). */
export function dropForgotten(superseded: readonly SupersededLimitSpec[], now: number): readonly SupersededLimitSpec[] {
  return superseded.filter(({ limit: spec, supersedeTime }) => {
    const limit = parseCounted(spec);
    return limit !== undefined && forgetTime(limit, supersedeTime) > now;
  });
}

/**
 * Returns the superseded limits that still hold at `now` (Unix time in ms), each with the larger of its amount and that
 * of the current limit of its name. A limit without a current one of its name does not hold, nor does one whose counter
 * is that of a current limit. One holds until its counters are empty, and no longer than hits from before the edit could
 * count in the current limit's window.
 */
export function findHeldLimits(
  superseded: readonly SupersededLimitSpec[],
  current: readonly PlanLimit[],
  now: number,
): readonly HeldLimit[] {
  const counters = new Set(current.flatMap(counterOf));
  return sortNewestFirst(superseded).flatMap(({ limit: spec, supersedeTime }) => {
    const successor = current.find(({ name }) => name === spec.name);
    const limit = parseCounted(spec);
    if (limit === undefined || successor === undefined || successor.algorithm === 'unlimited') return [];
    const holdsUntil = Math.min(forgetTime(limit, supersedeTime), forgetTime(successor, supersedeTime));
    const isCounted = counterOf(limit).some((counter) => counters.has(counter));
    if (isCounted || holdsUntil <= now) return [];
    for (const counter of counterOf(limit)) counters.add(counter);
    return [{ limit: adjustToSuccessor(limit, successor), holdsUntil }];
  });
}

/** Identifies the counters of a limit within one plan: limit and owner. Empty: it counts nothing. */
export function identifyCounter(spec: PlanLimitSpec): readonly string[] {
  const limit = parsePlanLimit(spec);
  return 'faults' in limit ? [] : counterOf(limit);
}

/** Whether two limits of plans count a key with one counter. */
export function hasSameCounter(one: PlanLimit & CountedLimit, other: PlanLimit & CountedLimit): boolean {
  return one.identity === other.identity && (one.per === 'account') === (other.per === 'account');
}

function counterOf(limit: PlanLimit): readonly string[] {
  return limit.algorithm === 'unlimited' ? [] : [`${limit.identity} ${limit.per === 'account' ? 'account' : 'key'}`];
}

/** Of two limits with one counter, the later has counted longer. */
function sortNewestFirst(superseded: readonly SupersededLimitSpec[]): readonly SupersededLimitSpec[] {
  return [...superseded].sort((one, other) => other.supersedeTime - one.supersedeTime);
}

/** The fields that identify a counter, and the amount. */
function keepCounterFields(limit: PlanLimit & CountedLimit): PlanLimitSpec {
  const { name, requests, window, algorithm, burst, timeZone, anchorDay, per } = toPlanLimitSpec(limit);
  return {
    ...{ name, requests, window, algorithm },
    ...(burst !== undefined && { burst }),
    ...(timeZone !== undefined && { timeZone }),
    ...(anchorDay !== undefined && { anchorDay }),
    ...(per !== undefined && { per }),
  };
}

/** Returns undefined if the limit counts nothing, or cannot be read. */
function parseCounted(spec: UntrustedPlanLimitSpec): (PlanLimit & CountedLimit) | undefined {
  const limit = parsePlanLimit(spec);
  return 'faults' in limit || limit.algorithm === 'unlimited' ? undefined : limit;
}

/** The Unix time in ms from which a hit made before `time` no longer counts. Infinity for credits. */
function forgetTime(limit: CountedLimit, time: number): number {
  switch (limit.algorithm) {
    case 'credits':
      return Number.POSITIVE_INFINITY;
    case 'calendar':
      return periodAt(toPeriodDefinition(limit), time * MICROS_PER_MILLISECOND).end / MICROS_PER_MILLISECOND;
    case 'token_bucket':
      return time + Math.ceil((limit.burst * limit.windowSeconds * MS_PER_SECOND) / limit.requests);
    case 'sliding_window':
      return time + Math.ceil(limit.windowSeconds * MS_PER_SECOND * (1 + 1 / SUB_BUCKETS_PER_WINDOW));
    case 'fixed_window':
    case 'concurrency':
      return time + limit.windowSeconds * MS_PER_SECOND;
  }
}

/** The superseded limit with the routes and the settlement of its successor, and with the larger amount. */
function adjustToSuccessor(limit: PlanLimit & CountedLimit, successor: PlanLimit & CountedLimit): HeldLimit['limit'] {
  const { routes, requests, settle, chargeRejected, onStoreFailure } = successor;
  const spec = keepCounterFields(limit);
  const amount =
    limit.algorithm === 'token_bucket'
      ? { burst: Math.max(limit.burst, successor.algorithm === 'credits' ? requests : limitCapacity(successor)) }
      : { requests: Math.max(limit.requests, successor.algorithm === 'token_bucket' ? successor.burst : requests) };
  const options = limit.algorithm === 'concurrency' ? { onStoreFailure } : { settle, chargeRejected, onStoreFailure };
  // A bucket of this window may not have room for the larger burst. It keeps its own then.
  return parseCounted({ ...spec, ...amount, ...options, ...(routes && { routes }) }) ?? limit;
}
