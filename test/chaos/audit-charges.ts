import type { AnsweredCall, Observation } from './observation.ts';
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
 * in the counter. A `fail-deny` call may have been charged too, if its reply came too late, but not if it was answered
 * while Redis could execute nothing: its deadline had passed before Redis was back.
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
  const wasAnsweredInOutage = ({ sentAt, completedAt }: ProbeCall) =>
    scenario.isOutage && sentAt > disruption.startedAt && completedAt < disruption.endedAt;
  const possiblyCharged = audited.filter(
    (call) => call.result.source === 'fail-deny' && !wasAnsweredInOutage(call),
  ).length;
  // The nodes charge again what they were granted in the last seconds before the loss (docs/adr/0013).
  const chargedAgain = calls.filter(
    ({ probe, completedAt, result: { source } }) =>
      probe === 'audit' && source === 'redis' && completedAt < countedSince,
  ).length;
  const maxCounted = granted.length + possiblyCharged + chargedAgain;
  const violations: string[] = [];
  // Nodes charge again what they were granted in the same 100 ms as something that was lost.
  if (counted > maxCounted && scenario.loses !== 'newest') {
    violations.push(`Redis counts ${counted} hits, but at most ${maxCounted} are possible: it executed a stale charge`);
  }
  if (counted < minCounted) {
    violations.push(`Redis granted ${minCounted} hits but counts only ${counted}`);
  }
  return {
    unacknowledged: Math.max(0, counted - granted.length),
    lost: Math.max(0, minCounted - counted),
    violations,
  };
}
