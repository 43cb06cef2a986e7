import type { Audit } from './audit-charges.ts';
import {
  type AnsweredCall,
  computeDurationQuantile,
  computeLateShare,
  countGrantsOverLimit,
  isDecidedByRedis,
  isHealth,
  NODE_COUNT,
  type Observation,
} from './observation.ts';
import { PROBES, type ProbeResponse } from './probes.ts';
import type { Disruption } from './scenarios/scenario.ts';

/** A row of the table in docs/guarantees.md. Counts calls, without health checks where it does not say otherwise. */
export interface Figures {
  readonly name: string;
  readonly calls: number;
  /** Share of the calls that took longer than Envoy waits. */
  readonly lateShare: number;
  /** The same share of the health checks, which need no Redis. */
  readonly lateHealthShare: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly unavailable: number;
  readonly failLocal: number;
  readonly failOpen: number;
  /** From the end of the disruption until Redis has decided a call of each probe on each node. */
  readonly recoveryMs: number;
  /** Most grants beyond the limit that certainly fell into one window. */
  readonly overLimit: { readonly local: number; readonly allow: number; readonly deny: number };
  /** Hits that Redis counts although no node reported them as granted. */
  readonly unacknowledged: number;
  /** Hits that Redis granted and no longer counts. */
  readonly lost: number;
}

/** `calls`: all calls of the observation that did not fail. */
export function computeFigures(
  calls: readonly AnsweredCall[],
  { scenario, disruption }: Observation,
  { unacknowledged, lost }: Audit,
): Figures {
  const decisions = calls.filter((call) => !isHealth(call));
  const countFrom = (source: ProbeResponse['source']) =>
    decisions.filter(({ result }) => result.source === source).length;
  return {
    name: scenario.name,
    calls: decisions.length,
    lateShare: computeLateShare(decisions),
    lateHealthShare: computeLateShare(calls.filter(isHealth)),
    p99Ms: computeDurationQuantile(decisions, 0.99),
    maxMs: computeDurationQuantile(decisions, 1),
    unavailable: countFrom('unavailable') + countFrom('fail-deny'),
    failLocal: countFrom('fail-local'),
    failOpen: countFrom('fail-open'),
    recoveryMs: measureRecovery(decisions, disruption),
    overLimit: {
      local: countGrantsOverLimit(decisions, 'local'),
      allow: countGrantsOverLimit(decisions, 'allow'),
      deny: countGrantsOverLimit(decisions, 'deny'),
    },
    unacknowledged,
    lost,
  };
}

/** In ms. Infinity if a probe never reached Redis again on a node. */
function measureRecovery(calls: readonly AnsweredCall[], { endedAt }: Disruption): number {
  let recoveredAt = endedAt;
  for (let nodeIndex = 0; nodeIndex < NODE_COUNT; nodeIndex++) {
    for (const probe of PROBES) {
      if (probe === 'health') continue;
      const firstByRedis = calls.find(
        (call) =>
          call.nodeIndex === nodeIndex && call.probe === probe && call.sentAt >= endedAt && isDecidedByRedis(call),
      );
      recoveredAt = Math.max(recoveredAt, firstByRedis?.completedAt ?? Number.POSITIVE_INFINITY);
    }
  }
  return recoveredAt - endedAt;
}
