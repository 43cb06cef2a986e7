import { auditCharges } from './audit-charges.ts';
import { computeFigures, type Figures } from './figures.ts';
import {
  type AnsweredCall,
  computeDurationQuantile,
  computeLateShare,
  countMaxInWindow,
  FAILURE_SOURCES,
  isDecidedByRedis,
  isHealth,
  NODE_COUNT,
  type Observation,
} from './observation.ts';
import type { ProbeCall } from './probe-load.ts';
import { LIMIT, WINDOW_MS } from './probes.ts';
import type { Disruption } from './scenarios/scenario.ts';

/** No call may take longer, however busy the machine is. */
const MAX_CALL_MS = 1000;
const MAX_RECOVERY_MS = 2000;
/** Share of the calls that Redis may make late. */
const MAX_LATE_SHARE_BY_REDIS = 0.05;
/** The same for outages, in which calls wait for Redis until the circuit breaker opens. */
const MAX_LATE_SHARE_IN_OUTAGE = 0.1;
/**
 * Part of an outage in which no call should wait for Redis: the circuit breaker has opened, and the connections, if they
 * only went silent, have not been closed yet.
 */
const BREAKER_OPEN_FROM_MS = 500;
const BREAKER_OPEN_UNTIL_MS = 1500;
/** In that part, the median duration of decisions may exceed that of health checks by this factor and this time. */
const MAX_MEDIAN_RATIO = 1.25;
const MAX_EXTRA_MEDIAN_MS = 5;
/**
 * Share of the calls that the failure policy may decide while Redis is up, in addition to the share that the machine
 * itself makes late.
 */
const MAX_MISSED_SHARE = 0.05;

/** Probes whose counters are on the server that is disrupted, if there are several servers. */
const DISRUPTED_PROBES = ['local', 'allow', 'deny', 'audit'] as const;

export interface BoundsReport {
  readonly figures: Figures;
  /** Bounds that do not hold, as sentences. Empty if all hold. */
  readonly violations: readonly string[];
}

/** Checks what was observed in a scenario against the bounds that docs/guarantees.md promises. */
export function checkBounds(observation: Observation): BoundsReport {
  const answered = observation.calls.filter((call): call is AnsweredCall => !(call.result instanceof Error));
  const health = answered.filter(isHealth);
  const decisions = answered.filter((call) => !isHealth(call));
  const audit = auditCharges(decisions, observation);
  const figures = computeFigures(answered, observation, audit);
  const violations = [
    ...checkFailures(observation.calls),
    ...checkSources(answered),
    ...checkLocalShares(answered),
    ...checkDurations(figures, observation.scenario),
    ...checkMedianInOutage(decisions, health, observation),
    ...checkPoliciesWereUsed(decisions, observation),
    ...checkDecisionsWhileRedisIsUp(decisions, health, observation.disruption),
    ...checkGrantsAfterwards(decisions),
    ...audit.violations,
    ...checkGrantsOverLimit(figures, observation.scenario),
  ];
  return { figures, violations };
}

function checkFailures(calls: readonly ProbeCall[]): string[] {
  const failures = calls.flatMap(({ result, probe }) =>
    result instanceof Error ? [`a call failed: ${probe}: ${result.message}`] : [],
  );
  return [...new Set(failures)];
}

/** Each probe may be decided by Redis or by its own failure policy. The policy `allow` rejects nothing. */
function checkSources(calls: readonly AnsweredCall[]): string[] {
  const unexpected = calls.filter(
    (call) => call.result.source !== FAILURE_SOURCES[call.probe] && (isHealth(call) || !isDecidedByRedis(call)),
  );
  const violations = unexpected.map(({ probe, result }) => `${probe} was decided by ${result.source}`);
  const rejected = calls.filter(({ result: { source, granted } }) => source === 'fail-open' && !granted);
  if (rejected.length > 0) violations.push(`the policy allow rejected ${rejected.length} calls`);
  return [...new Set(violations)];
}

/** On its own, each node may grant its equal share of the limit. */
function checkLocalShares(calls: readonly AnsweredCall[]): string[] {
  const share = Math.floor(LIMIT / NODE_COUNT);
  const violations: string[] = [];
  for (let nodeIndex = 0; nodeIndex < NODE_COUNT; nodeIndex++) {
    const granted = calls.filter(
      (call) => call.nodeIndex === nodeIndex && call.result.source === 'fail-local' && call.result.granted,
    );
    const max = countMaxInWindow(granted);
    if (max > share) violations.push(`node ${nodeIndex} granted ${max} on its own, more than its share of ${share}`);
  }
  return violations;
}

function checkDurations(
  { maxMs, lateShare, lateHealthShare, recoveryMs }: Figures,
  { isOutage }: Observation['scenario'],
): string[] {
  const violations: string[] = [];
  if (maxMs > MAX_CALL_MS) violations.push(`a call took ${maxMs} ms`);
  // A decision waits for its node, as a health check does, and then for Redis, which the machine makes late as often.
  const lateShareByMachine = 1 - (1 - lateHealthShare) ** 2;
  if (lateShare > lateShareByMachine + (isOutage ? MAX_LATE_SHARE_IN_OUTAGE : MAX_LATE_SHARE_BY_REDIS)) {
    violations.push(`a share of ${lateShare} was late, but only ${lateHealthShare} of the health checks`);
  }
  if (recoveryMs > MAX_RECOVERY_MS) violations.push(`recovery took ${recoveryMs} ms`);
  return violations;
}

/** Once the circuit breaker is open, decisions take no longer than health checks. */
function checkMedianInOutage(
  decisions: readonly ProbeCall[],
  health: readonly ProbeCall[],
  { scenario, disruption: { startedAt } }: Observation,
): string[] {
  if (!scenario.isOutage) return [];
  const isBreakerOpen = ({ sentAt }: ProbeCall) =>
    sentAt > startedAt + BREAKER_OPEN_FROM_MS && sentAt < startedAt + BREAKER_OPEN_UNTIL_MS;
  const median = computeDurationQuantile(decisions.filter(isBreakerOpen), 0.5);
  const healthMedian = computeDurationQuantile(health.filter(isBreakerOpen), 0.5);
  if (median <= healthMedian * MAX_MEDIAN_RATIO + MAX_EXTRA_MEDIAN_MS) return []; // false for NaN: no calls are a violation too
  return [`in the outage, the median call took ${median} ms, but the median health check ${healthMedian} ms`];
}

/** An outage that no probe notices would prove nothing. */
function checkPoliciesWereUsed(calls: readonly AnsweredCall[], { scenario, disruption }: Observation): string[] {
  if (!scenario.isOutage) return [];
  const decidedByPolicy = calls.filter(
    ({ sentAt, result, probe }) =>
      sentAt > disruption.startedAt && sentAt < disruption.endedAt && result.source === FAILURE_SOURCES[probe],
  );
  const unaffected = DISRUPTED_PROBES.filter((disrupted) => !decidedByPolicy.some(({ probe }) => probe === disrupted));
  return unaffected.map((probe) => `the outage never made the failure policy decide ${probe}`);
}

function checkDecisionsWhileRedisIsUp(
  decisions: readonly AnsweredCall[],
  health: readonly ProbeCall[],
  { startedAt, endedAt }: Disruption,
): string[] {
  const whileUp = decisions.filter(
    ({ sentAt, completedAt }) => completedAt < startedAt || sentAt > endedAt + MAX_RECOVERY_MS,
  );
  const missed = whileUp.filter(({ probe, result }) => result.source === FAILURE_SOURCES[probe]).length;
  if (missed <= (MAX_MISSED_SHARE + computeLateShare(health)) * whileUp.length) return [];
  return [`Redis was up and did not decide ${missed} of ${whileUp.length} calls`];
}

/** In the last window of the load, at least half of the calls that the limits have room for are granted. */
function checkGrantsAfterwards(calls: readonly AnsweredCall[]): string[] {
  const loadEnd = Math.max(...calls.map(({ sentAt }) => sentAt));
  const lastCalls = calls.filter(({ sentAt }) => sentAt > loadEnd - WINDOW_MS);
  const violations: string[] = [];
  for (const limited of ['local', 'allow', 'deny']) {
    const sent = lastCalls.filter(({ probe }) => probe === limited);
    const count = sent.filter(({ result }) => result.granted).length;
    if (count < Math.min(LIMIT, sent.length) / 2)
      violations.push(`${limited}: only ${count} calls were granted in the last window`);
  }
  return violations;
}

/**
 * With `deny`, Redis counts every grant. Only counters that Redis forgets allow more: once the limit. The newest charges are
 * charged again by the nodes. With `local`, nodes
 * also grant on their own: once more the limit. `allow` has no bound.
 */
function checkGrantsOverLimit({ overLimit, failLocal }: Figures, { loses }: Observation['scenario']): string[] {
  const forgotten = loses === 'nothing' || loses === 'newest' ? 0 : LIMIT;
  const violations: string[] = [];
  if (overLimit.deny > forgotten) violations.push(`deny: ${overLimit.deny} grants over the limit in one window`);
  if (overLimit.local > forgotten + Math.min(LIMIT, failLocal)) {
    violations.push(`local: ${overLimit.local} grants over the limit in one window`);
  }
  return violations;
}
