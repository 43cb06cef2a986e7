import type { DecisionPort, ForwardedCall } from '../decision-port.ts';
import type { QuestionBounds } from './question-queue.ts';
import { shareReads } from './shared-read.ts';
import type { ArgumentOf, ResultOf, WorkerMethod } from './worker-messages.ts';

const QUICK: QuestionBounds = { maxInFlight: 64, timeoutMs: 5_000 };
/**
 * A key is looked up in µs, and the emergency brake of all clients needs it. More than all calls together that may be in
 * progress without a caller (admin/limits/open-rooms.ts) or at `/v1/quota`.
 */
const LOOK_UP: QuestionBounds = { maxInFlight: 2_400, timeoutMs: 5_000 };
/** Short, because every call of the admin API waits for it. The control process counts on its own after that. */
const ADMIN_CALL: QuestionBounds = { maxInFlight: 2_048, timeoutMs: 1_000 };
/** Issuers may take 5 s to answer with their keys. */
const EXPLAIN: QuestionBounds = { maxInFlight: 16, timeoutMs: 10_000 };
const STATUS: QuestionBounds = { maxInFlight: 1, timeoutMs: 1_000 };
const METRICS: QuestionBounds = { maxInFlight: 1, timeoutMs: 5_000 };
/** Reading the state of a worker costs it up to some ms. */
const METRICS_INTERVAL_MS = 200;
const STATUS_INTERVAL_MS = 20;
/** A refresh costs a query and some 0.3 ms of the worker. */
const REFRESH_INTERVAL_MS = 20;

/** Asks a worker. Rejects with `decisions_unavailable` while there is none. */
export type AskWorker = <Method extends WorkerMethod>(
  method: Method,
  argument: ArgumentOf<Method>,
  bounds: QuestionBounds,
  bytes?: number,
) => Promise<ResultOf<Method>>;

/** Creates the port that asks a worker. */
export function createAskedPort(ask: AskWorker): DecisionPort {
  const readMetrics = shareReads(() => ask('readMetrics', undefined, METRICS), METRICS_INTERVAL_MS);
  const readDecisionMetrics = shareReads(() => ask('readDecisionMetrics', undefined, STATUS), METRICS_INTERVAL_MS);
  const readStatus = shareReads(() => ask('readStatus', undefined, STATUS), STATUS_INTERVAL_MS);
  const refreshCatalog = shareReads(() => ask('refreshCatalog', undefined, METRICS), REFRESH_INTERVAL_MS);
  return {
    decide: (call) => ask('decide', call, boundsOf(call), call.message.length),
    explain: (question) => ask('explain', question, EXPLAIN),
    listRules: (question) => ask('listRules', question, EXPLAIN),
    readCounters: (selection) => ask('readCounters', selection, QUICK),
    changeCounters: (change) => ask('changeCounters', change, QUICK),
    admit: (call) => ask('admit', call, LOOK_UP),
    beginAdminCall: (call) => ask('beginAdminCall', call, ADMIN_CALL),
    endAdminCall: (ended) => ask('endAdminCall', ended, ADMIN_CALL),
    findKey: (secret) => ask('findKey', secret, LOOK_UP),
    findAccount: (id) => ask('findAccount', id, QUICK),
    findPlan: (id) => ask('findPlan', id, QUICK),
    refreshCatalog,
    readStatus,
    readMetrics,
    readDecisionMetrics,
  };
}

function boundsOf({ timeoutMs }: ForwardedCall): QuestionBounds {
  return { maxInFlight: QUICK.maxInFlight, timeoutMs };
}
