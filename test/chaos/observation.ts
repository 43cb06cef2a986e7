import type { ProbeCall } from './probe-load.ts';
import { LIMIT, type Probe, type ProbeResponse, WINDOW_MS } from './probes.ts';
import type { Disruption, Scenario } from './scenarios/scenario.ts';

/** Everything that one run of a scenario recorded. */
export interface Observation {
  readonly scenario: Pick<Scenario<unknown>, 'name' | 'isOutage' | 'loses'>;
  readonly disruption: Disruption;
  readonly calls: readonly ProbeCall[];
  /** Hits that the limit of `audit` still allows after the load. */
  readonly auditRemaining: number;
}

/** A call that did not fail. */
export type AnsweredCall = ProbeCall & { readonly result: ProbeResponse };

export const NODE_COUNT = 2;

/** Default timeout of Envoy's rate limit filter. A later response is useless. */
export const ENVOY_TIMEOUT_MS = 20;

/** The source that reports the failure policy of each probe. */
export const FAILURE_SOURCES: Record<Probe, ProbeResponse['source']> = {
  local: 'fail-local',
  allow: 'fail-open',
  deny: 'fail-deny',
  audit: 'fail-deny',
  check: 'unavailable',
  health: 'health',
};

export function isHealth({ probe }: ProbeCall): boolean {
  return probe === 'health';
}

/** Whether Redis decided. `local` repeats a rejection that Redis has just made. */
export function isDecidedByRedis({ result: { source } }: AnsweredCall): boolean {
  return source === 'redis' || source === 'local';
}

/** Computes the share of calls that took longer than Envoy waits. */
export function computeLateShare(calls: readonly ProbeCall[]): number {
  return calls.filter(({ sentAt, completedAt }) => completedAt - sentAt > ENVOY_TIMEOUT_MS).length / calls.length;
}

/** Computes a quantile of the durations of the calls, in ms. NaN without calls. */
export function computeDurationQuantile(calls: readonly ProbeCall[], quantile: number): number {
  const durations = calls.map(({ sentAt, completedAt }) => completedAt - sentAt).sort((a, b) => a - b);
  return durations[Math.min(durations.length - 1, Math.floor(durations.length * quantile))] ?? Number.NaN;
}

/** Counts by how much the grants of a probe certainly exceeded its limit in one window. */
export function countGrantsOverLimit(calls: readonly AnsweredCall[], probe: Probe): number {
  const granted = calls.filter((call) => call.probe === probe && call.result.granted);
  return Math.max(0, countMaxInWindow(granted) - LIMIT);
}

/**
 * Counts the most calls that certainly fell into one window. A call is charged at an unknown time between `sentAt` and
 * `completedAt`, so both have to be in the window.
 */
export function countMaxInWindow(calls: readonly ProbeCall[]): number {
  const ordered = calls.toSorted((one, other) => one.sentAt - other.sentAt);
  let max = 0;
  for (const [index, { sentAt: windowStart }] of ordered.entries()) {
    const windowEnd = windowStart + WINDOW_MS;
    let count = 0;
    for (const { sentAt, completedAt } of ordered.slice(index)) {
      if (sentAt >= windowEnd) break;
      if (completedAt < windowEnd) count++;
    }
    max = Math.max(max, count);
  }
  return max;
}
