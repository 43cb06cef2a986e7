import { setTimeout as sleep } from 'node:timers/promises';
import { readPackageVersion } from '../../commands/package-version.ts';
import type { Config } from '../../config/config.ts';
import type { Counters } from '../../counters/open-counters.ts';
import { createDataPlane } from '../../data-plane/data-plane.ts';
import type { DecisionContext } from '../../data-plane/decision-methods.ts';
import { createExplainer } from '../../data-plane/explainer.ts';
import type { DatabaseAccess } from '../../database/connection/database-access.ts';
import { openConnection } from '../../database/open-connection.ts';
import { createAdminLimits } from '../../decide/admin/admin-limits.ts';
import { createCallLimit } from '../../decide/admin/call-limit.ts';
import { createCounterAccess } from '../../decide/admin/counter-access.ts';
import { createCounterAdmin } from '../../decide/admin/counter-admin.ts';
import { createRuleLister } from '../../decide/admin/list-rules.ts';
import { LogOutput } from '../../decision-log/log-output.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Tracer } from '../../interfaces/tracing.ts';
import { createMetrics, type Metrics } from '../../telemetry/metrics/metrics.ts';
import { registerCheckpointMetrics } from '../../telemetry/metrics/parts/checkpoint-metrics.ts';
import { registerDeviceMetrics } from '../../telemetry/metrics/parts/device-metrics.ts';
import { registerCatalogMetric, registerDependencyMetrics } from '../../telemetry/metrics/parts/node-metrics.ts';
import { registerThresholdMetrics } from '../../telemetry/metrics/parts/threshold-metrics.ts';
import { registerUsageMetrics } from '../../telemetry/metrics/parts/usage-metrics.ts';
import { NodeStatus } from '../../telemetry/node-status.ts';
import { Readiness } from '../../telemetry/readiness.ts';
import type { LimitThresholds } from '../../usage/limit-thresholds.ts';
import type { DecisionSettings, Decisions, StartedDecisions } from '../../workers/decisions.ts';
import { openDatabaseAccess } from '../open-database-access.ts';
import { startCatalog } from '../start-catalog.ts';
import { startTokenVerification } from '../start-token-verification.ts';
import { startTracing } from '../start-tracing.ts';
import { createAnswerOptions } from './create-answer-options.ts';
import { createDecisionPort } from './create-decision-port.ts';
import { type CountersParts, startCounters } from './start-counters.ts';
import { startDecisionLog } from './start-decision-log.ts';
import { startDecisionPlane } from './start-decision-plane.ts';
import { startRecordingUse } from './start-recording-use.ts';
import { type NodeRules, startRoutes, startRules } from './start-rules.ts';
import { warnOfLostQuotas } from './warn-of-lost-quotas.ts';

/*
 * The composition of the process that decides. It has the rules, a copy of the catalog and the counters, and nothing of
 * the admin API or of HTTP, so that a flood on those delays no decision.
 */

/** A reset of a counter waits for its checkpoint. */
const CHECKPOINT_TIMEOUT_MS = 5_000;
/**
 * Parts of the time for a stop, after its delay. Calls in progress have the other half. Usage that cannot be written stays in
 * a file; late charges and checkpoints are lost.
 */
const STOP_PARTS = { checkpoints: 1 / 4, usage: 1 / 5, lateCharges: 1 / 20 } as const;
/** Longest part of a stop in which the node waits for Redis to charge what it granted alone. */
const MAX_STOP_PATIENCE_MS = 5_000;

/** The parts that exist before the database does. */
interface PreparedParts {
  readonly config: Config;
  readonly rules: NodeRules;
  readonly routes: DecisionContext['routes'];
  readonly metrics: Metrics;
  /** undefined: no call is traced. */
  readonly tracer: Tracer | undefined;
  readonly readiness: Readiness;
  readonly log: Logger;
  readonly output: LogOutput;
  /** Aborted when the node begins to leave: it still serves. */
  readonly leaving: AbortSignal;
  /** Aborted by the stop. */
  readonly stopping: AbortSignal;
}

/**
 * Loads rules and routes. The rest starts with `start`, once there is a database. `output` takes the log of decisions. Throws
 * InvalidRules.
 */
export async function prepareDecisions(config: Config, log: Logger, output = new LogOutput()): Promise<Decisions> {
  await using preparing = new AsyncDisposableStack();
  const metrics = createMetrics(readPackageVersion(), log);
  const tracing = await startTracing(config, 'decision', metrics.registry, preparing);
  const rules = await startRules(config, metrics, log, preparing);
  const routes = await startRoutes(config, metrics, log, preparing);
  const resources = preparing.move();
  /** The server of the data plane, which stops before the rest. */
  const serving = new AsyncDisposableStack();
  const readiness = new Readiness();
  const [leaving, stopping] = [new AbortController(), new AbortController()];
  const signals = { leaving: leaving.signal, stopping: stopping.signal };
  const parts = { config, rules, routes, metrics, tracer: tracing?.tracer, readiness, log, output, ...signals };
  return {
    start: (settings) => startDeciding(parts, settings, resources, serving),
    async drain() {
      readiness.beginShutdown();
      leaving.abort();
      await sleep(config.shutdown.delayMs);
      await serving.disposeAsync();
    },
    async stop() {
      stopping.abort();
      readiness.beginShutdown();
      await serving.disposeAsync();
      void tracing?.stop();
      await resources.disposeAsync();
    },
  };
}

async function startDeciding(
  { config, rules, routes, metrics, tracer, readiness, log, output, leaving, stopping }: PreparedParts,
  { databaseUrl, signingKeySecret, keyPeppers }: DecisionSettings,
  resources: AsyncDisposableStack,
  serving: AsyncDisposableStack,
): Promise<StartedDecisions> {
  const decisionLog = startDecisionLog(config, output, metrics, resources);
  const access = openDatabaseAccess(config, databaseUrl, log, resources);
  const catalog = await startCatalog(config, { access, keyPeppers, readiness, log, signal: stopping }, resources);
  const stopTimeoutMs = (config.shutdown.timeoutMs - config.shutdown.delayMs) * STOP_PARTS.usage;
  const recorded = await startRecordingUse(config, { access, catalog, stopTimeoutMs }, log, resources);
  const { lastUsed, devices, usage, thresholds } = recorded;
  registerCatalogMetric(metrics.registry, catalog);
  registerDeviceMetrics(metrics.registry, devices);
  registerUsageMetrics(metrics.registry, usage);
  registerThresholdMetrics(metrics.registry, thresholds);
  const counters = await startNodeCounters(config, access, { metrics, thresholds }, log, resources);
  const { store } = counters;
  const status = new NodeStatus({ version: readPackageVersion(), role: config.role }, readiness);
  registerDependencyMetrics(metrics.registry, () => status.read());
  const tokenParts = { trustSource: catalog, signingKeySecret, startsLazily: false, metrics, log };
  const tokens = startTokenVerification(config, tokenParts, resources);

  const context = { catalog, tokens, rules, routes, requests: config.requests, devices };
  const handler = createDataPlane({
    ...context,
    store,
    storeWait:
      counters.kind === 'redis' ? { defaultMs: config.redisDeadlineMs, maxMs: config.redisMaxDeadlineMs } : undefined,
    answers: createAnswerOptions(config.answers, log),
    isServing: () => readiness.reasons().length === 0,
    tally: metrics.decisions,
    lastUsed,
    usage: usage.tally,
    decisionLog,
    tracer,
    log,
  });
  const decisionPort = await startDecisionPlane(
    config,
    { handler, leaving, listeners: metrics.listeners, log },
    serving,
  );
  readiness.finishStart(catalog);
  status.observe({ catalog, counters, tokens, usage, rules, routes: metrics.routes });

  warnOfLostQuotas({ counters, rules, catalog, log }, resources);

  const counterAccess = createCounterAccess(store, rules, catalog);
  const port = createDecisionPort({
    handler,
    explain: createExplainer({ ...context, counters: counterAccess }),
    listRules: createRuleLister(rules, metrics.decisions),
    counters: createCounterAdmin(counterAccess),
    calls: createCallLimit(store),
    adminLimits: createAdminLimits(store, rules),
    catalog,
    status,
    metrics,
  });
  return { port, decisionPort, domains: [...rules.book.keys()] };
}

/** Starts the counters of this node, with checkpoints of its quotas. */
async function startNodeCounters(
  config: Config,
  access: DatabaseAccess,
  { metrics, thresholds }: { readonly metrics: Metrics; readonly thresholds: LimitThresholds },
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<Counters> {
  const { role, shutdown } = config;
  const { query, close } = openConnection({ ...access, timeoutMs: CHECKPOINT_TIMEOUT_MS });
  resources.defer(close);
  const stopMs = shutdown.timeoutMs - shutdown.delayMs;
  const parts: CountersParts = {
    stopPatienceMs: Math.min(MAX_STOP_PATIENCE_MS, stopMs * STOP_PARTS.lateCharges),
    isDeciding: role !== 'admin',
    checkpoints: { query, stopPatienceMs: stopMs * STOP_PARTS.checkpoints },
    onThreshold: (crossing) => thresholds.note(crossing),
    isReady: ({ ready, takesShare, checkpoints }) => ready && takesShare && checkpoints.isRestored,
  };
  const counters = await startCounters(config, parts, metrics, log, resources);
  registerCheckpointMetrics(metrics.registry, counters.checkpoints);
  return counters;
}
