import { Counter, Histogram, Registry } from 'prom-client';
import { createLatencyRecorder } from './latency-metric.ts';
import { readMetricFamilies } from './metric-families.ts';
import { type Metrics, registerRejectedTokens } from './metrics.ts';
import { type ObservedPool, registerDatabaseMetrics } from './parts/database-metrics.ts';
import { createListenerMetrics } from './parts/listener-metrics.ts';
import { registerLogMetrics, registerRuntimeMetrics } from './parts/runtime-metrics.ts';
import { createActiveAccountsRecorder } from './parts/usage-metrics.ts';
import { createWebhookMetrics, type WebhookMetrics } from './parts/webhook-metrics.ts';
import { registerTotal } from './read-at-scrape.ts';

/** In seconds. There are some 90 methods, so few buckets. */
const CALL_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 5];

/** The metrics of the control process. */
export interface ControlMetrics extends Pick<Metrics, 'listeners' | 'recordRejectedToken' | 'registry' | 'read'> {
  /** Records a sign-in to the admin API, and its outcome. */
  readonly recordSignIn: (outcome: string) => void;
  /** Records a call of the admin API that has ended. `method` is like `PlanService/CreatePlan`, `code` like `NOT_FOUND`. */
  readonly recordCall: (method: string, code: string, seconds: number) => void;
  /** Records a call of the admin API that was rejected before any work, and why. */
  readonly recordCallRejection: (method: string, reason: string) => void;
  /** Records that an audit event was dropped, and why. */
  readonly recordDroppedEvent: (reason: string) => void;
  /** Adds the connections to Postgres. */
  readonly onPool: (pool: ObservedPool) => void;
  /** Records that a statement of the admin API has ended, after this time in ms. */
  readonly recordQuery: (ms: number) => void;
  readonly webhooks: WebhookMetrics;
  /** Records how many accounts were active in the current day and month. */
  readonly recordActiveAccounts: (accounts: { readonly day: number; readonly month: number }) => void;
  /** Records that requests are missing in the request log, and why. */
  readonly recordDroppedRequests: (reason: string, count: number) => void;
}

/** Counts of other parts, since the start. */
export interface ControlCounts {
  readonly countPasswordHashes: () => number;
  /** Lines that are missing from the log. */
  readonly countDroppedLines: () => number;
}

/**
 * Creates the metrics of the control process. `version` is that of Weir.
 */
export function createControlMetrics(version: string, counts: ControlCounts): ControlMetrics {
  const registry = new Registry();
  const rejectedTokens = new Map<string, number>();
  registerRuntimeMetrics(registry, 'control', version);
  registerRejectedTokens(registry, function* () {
    for (const [fault, count] of rejectedTokens) yield { fault, count };
  });
  registerTotal(
    registry,
    'weir_password_hashes_total',
    'Passwords that were hashed, such as one for each sign-in.',
    counts.countPasswordHashes,
  );
  registerLogMetrics(registry, counts.countDroppedLines);
  return {
    listeners: createListenerMetrics(registry),
    recordRejectedToken: (fault) => rejectedTokens.set(fault, (rejectedTokens.get(fault) ?? 0) + 1),
    recordSignIn: createSignInRecorder(registry),
    recordCall: createCallRecorder(registry),
    recordCallRejection: createCallRejectionRecorder(registry),
    recordDroppedEvent: createDroppedEventRecorder(registry),
    onPool: registerDatabaseMetrics(registry),
    recordQuery: createLatencyRecorder(
      registry,
      'weir_database_query_seconds',
      'Time of a statement of the admin API on Postgres.',
    ),
    webhooks: createWebhookMetrics(registry),
    recordActiveAccounts: createActiveAccountsRecorder(registry),
    recordDroppedRequests: createDroppedRequestsRecorder(registry),
    registry,
    read: () => readMetricFamilies(registry),
  };
}

function createSignInRecorder(registry: Registry): ControlMetrics['recordSignIn'] {
  const signIns = new Counter({
    name: 'weir_sign_ins_total',
    help: 'Sign-ins to the admin API by outcome (ok, wrong_credentials, totp_required, totp_invalid, disabled, busy).',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  return (outcome) => signIns.inc({ outcome });
}

function createCallRecorder(registry: Registry): ControlMetrics['recordCall'] {
  const calls = new Counter({
    name: 'weir_admin_calls_total',
    help: 'Calls of the admin API that have ended, by method and gRPC code.',
    labelNames: ['method', 'code'] as const,
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'weir_admin_call_seconds',
    help: 'Time from the arrival of a call of the admin API to its answer, by method.',
    labelNames: ['method'] as const,
    buckets: CALL_BUCKETS,
    registers: [registry],
  });
  return (method, code, seconds) => {
    calls.inc({ method, code });
    durations.observe({ method }, seconds);
  };
}

function createCallRejectionRecorder(registry: Registry): ControlMetrics['recordCallRejection'] {
  const rejections = new Counter({
    name: 'weir_admin_calls_rejected_total',
    help:
      'Calls of the admin API that were rejected before any work, by method and reason: limit (of the domain admin), ' +
      'in_progress (too many), turn (no turn to hash a password in time).',
    labelNames: ['method', 'reason'] as const,
    registers: [registry],
  });
  return (method, reason) => rejections.inc({ method, reason });
}

function createDroppedRequestsRecorder(registry: Registry): ControlMetrics['recordDroppedRequests'] {
  const dropped = new Counter({
    name: 'weir_request_log_dropped_total',
    help: 'Requests that are missing in the request log, by reason (full, failed).',
    labelNames: ['reason'] as const,
    registers: [registry],
  });
  return (reason, count) => dropped.inc({ reason }, count);
}

function createDroppedEventRecorder(registry: Registry): ControlMetrics['recordDroppedEvent'] {
  const dropped = new Counter({
    name: 'weir_audit_events_dropped_total',
    help: 'Audit events of calls that were dropped, by reason (flood, full, failed). Events of changes never are.',
    labelNames: ['reason'] as const,
    registers: [registry],
  });
  return (reason) => dropped.inc({ reason });
}
