import { type AnsweredCall, ENVOY_TIMEOUT_MS, type Observation } from './observation.ts';
import type { ProbeCall } from './probe-load.ts';
import { AUDIT_LIMIT } from './probes.ts';

export interface Audit {
  /** Hits that Redis counts although no node reported them as granted. */
  readonly unacknowledged: number;
  /** Hits that Redis granted and no longer counts, except for counters that the scenario deletes. */
  readonly lost: number;
  /** Bounds that do not hold, as sentences. */
  readonly violations: readonly string[];
}

/**
 * Compares the counter of the probe `audit` with the responses to its calls. Only charges since `countersLostAt` can be
 * in the counter. An `unavailable` call may have been charged too, if its reply came too late, but not if it was sent
 * while Redis could execute nothing.
 */
export function auditCharges(
  calls: readonly AnsweredCall[],
  { disruption, scenario, auditRemaining }: Observation,
): Audit {
  const counted = AUDIT_LIMIT - auditRemaining;
  const countedSince = disruption.countersLostAt ?? Number.NEGATIVE_INFINITY;
  const audited = calls.filter(({ probe, completedAt }) => probe === 'audit' && completedAt >= countedSince);
  const granted = audited.filter(({ result: { source } }) => source === 'redis');
  const minCounted = granted.filter(({ sentAt }) => sentAt >= countedSince).length;
  const wasSentInOutage = ({ sentAt }: ProbeCall) =>
    scenario.isOutage && sentAt > disruption.startedAt && sentAt < disruption.endedAt - ENVOY_TIMEOUT_MS;
  const possiblyCharged = audited.filter(
    (call) => call.result.source === 'unavailable' && !wasSentInOutage(call),
  ).length;
  const maxCounted = granted.length + possiblyCharged;
  const violations: string[] = [];
  if (counted > maxCounted) {
    violations.push(`Redis counts ${counted} hits, but at most ${maxCounted} are possible: it executed a stale charge`);
  }
  if (counted < minCounted && scenario.loses !== 'newest') {
    violations.push(`Redis granted ${minCounted} hits but counts only ${counted}`);
  }
  return {
    unacknowledged: Math.max(0, counted - granted.length),
    lost: Math.max(0, minCounted - counted),
    violations,
  };
}
