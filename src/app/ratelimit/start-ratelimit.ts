import { setTimeout as sleep } from 'node:timers/promises';
import { readPackageVersion } from '../../commands/package-version.ts';
import type { RatelimitConfig } from '../../config/ratelimit/ratelimit-config.ts';
import type { Counters } from '../../counters/open-counters.ts';
import { createDataPlane } from '../../data-plane/data-plane.ts';
import { CHECK_PATH } from '../../data-plane/decision-methods.ts';
import { createJsonTransport } from '../../data-plane/json-transport.ts';
import type { FixedWindowLimit } from '../../domain/limits/limit.ts';
import { encodeHeaderNames } from '../../envoy/rate-limit/envoyproxy-response.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { dumpRuleBook } from '../../rules/dump-rule-book.ts';
import { formatMetrics } from '../../telemetry/metrics/metric-families.ts';
import { createMetrics, type Metrics } from '../../telemetry/metrics/metrics.ts';
import { RuleHitTally, registerRatelimitMetrics } from '../../telemetry/metrics/parts/ratelimit-metrics.ts';
import { type BatchHandler, GrpcStatus } from '../../transport/unary-call.ts';
import { type CountersParts, startCounters } from '../decisions/start-counters.ts';
import { startDecisionPlane } from '../decisions/start-decision-plane.ts';
import { ABSENT_DATABASE, ABSENT_TOKENS, ABSENT_USAGE, createAbsentCatalog } from './absent-parts.ts';
import { type RatelimitHttp, startRatelimitHttp } from './ratelimit-http.ts';
import { type Rules, startRules } from './start-rules.ts';

/** A running service in place of envoyproxy/ratelimit. */
export interface Ratelimit {
  /** The ports that the servers listen on, also where 0 was configured. */
  readonly ports: RatelimitHttp['ports'] & { readonly grpc: number | undefined };
  /** Finishes the calls in progress, then closes everything. */
  stop(): Promise<void>;
}

/** Longest part of a stop in which the node waits for Redis to charge what it granted alone. */
const MAX_STOP_PATIENCE_MS = 1_000;

/**
 * Starts the service. If a part cannot start, closes all others again and rejects. `signal` does so while the service waits for
 * rules.
 */
export async function startRatelimit(config: RatelimitConfig, log: Logger, signal: AbortSignal): Promise<Ratelimit> {
  await using resources = new AsyncDisposableStack();
  const metrics = createMetrics(readPackageVersion(), log);
  const hitTally = new RuleHitTally(config.nearLimitRatio);
  const recordLoad = registerRatelimitMetrics(metrics.registry, { hits: hitTally, decisions: metrics.decisions });
  const leaving = new AbortController();
  const started: { rules?: Rules; counters?: Counters } = {};
  const isServing = (): boolean => isReady(config, started, leaving.signal);
  // Early, so that probes get an answer while the node waits for its rules.
  const http = await startRatelimitHttp(
    config,
    {
      isServing,
      describeRules: () => dumpRuleBook(started.rules?.book ?? new Map()),
      readMetrics: async () => formatMetrics([await metrics.read()]),
    },
    log,
    resources,
  );
  const onLoad = (isSuccess: boolean): void => {
    recordLoad(isSuccess);
    metrics.rules.record(isSuccess);
  };
  const rules = await startRules(config, { log, onLoad, signal }, resources);
  const counterParts: CountersParts = {
    stopPatienceMs: Math.min(MAX_STOP_PATIENCE_MS, config.node.shutdown.timeoutMs / 4),
    isDeciding: true,
    checkpoints: { query: ABSENT_DATABASE, stopPatienceMs: 0 },
    onThreshold: () => undefined,
    isReady: ({ ready, takesShare }) => ready && takesShare,
  };
  const counters = await startCounters(config.node, counterParts, metrics, log, resources);
  const handler = createHandler(config, { rules, counters, metrics, hitTally, isServing, log });
  const serving = new AsyncDisposableStack();
  resources.defer(() => serving.disposeAsync());
  const planeParts = { handler, leaving: leaving.signal, listeners: metrics.listeners, log };
  const grpc = await startDecisionPlane(config.node, planeParts, serving);
  http.json.handleWith(createJsonTransport(handler));
  started.rules = rules;
  started.counters = counters;

  const ports = { ...http.ports, grpc };
  log.info({ ports, counters: counters.kind, domains: [...rules.book.keys()] }, 'serving');
  const running = resources.move();
  return {
    ports,
    async stop() {
      leaving.abort();
      await sleep(config.node.shutdown.delayMs);
      await serving.disposeAsync();
      await running.disposeAsync();
    },
  };
}

function isReady(
  { unready }: RatelimitConfig,
  { rules, counters }: { readonly rules?: Rules; readonly counters?: Counters },
  leaving: AbortSignal,
): boolean {
  if (rules === undefined || counters === undefined || leaving.aborted) return false;
  if (unready.withoutRules && rules.book.size === 0) return false;
  return counters.ready || !unready.withoutRedis;
}

interface HandlerParts {
  readonly rules: Rules;
  readonly counters: Counters;
  readonly metrics: Metrics;
  readonly hitTally: RuleHitTally;
  readonly isServing: () => boolean;
  readonly log: Logger;
}

/** Creates the handler of Envoy's calls, without Check: there is nobody whom it could let in. */
function createHandler(
  { node, headers, hasMetadata, rules: { chargesRejected } }: RatelimitConfig,
  { rules, counters, metrics, hitTally, isServing, log }: HandlerParts,
): BatchHandler {
  const { requests, answers, redisDeadlineMs, redisMaxDeadlineMs } = node;
  const handler = createDataPlane({
    catalog: createAbsentCatalog(),
    tokens: ABSENT_TOKENS,
    rules,
    requests,
    devices: undefined,
    unmatchedLimits: [createUnmatchedLimit(chargesRejected)],
    store: counters.store,
    storeWait: counters.kind === 'redis' ? { defaultMs: redisDeadlineMs, maxMs: redisMaxDeadlineMs } : undefined,
    answers: { ...answers, envoyproxy: { headers: headers && encodeHeaderNames(headers), hasMetadata } },
    isServing,
    tally: metrics.decisions,
    hitTally,
    lastUsed: { note: () => undefined },
    usage: ABSENT_USAGE,
    log,
  });
  return (calls) => {
    for (const call of calls) if (call.path === CHECK_PATH) call.fail(GrpcStatus.UNIMPLEMENTED, CHECK_NOT_SERVED);
    handler(calls.filter(({ path }) => path !== CHECK_PATH));
  };
}

/** An override keeps the algorithm of this limit, and its option. */
function createUnmatchedLimit(chargesRejected: boolean): FixedWindowLimit {
  return {
    name: '1s',
    algorithm: 'fixed_window',
    identity: '1s/f1',
    requests: 1,
    windowSeconds: 1,
    ...(chargesRejected && { chargeRejected: true }),
  };
}

const CHECK_NOT_SERVED = 'weir ratelimit serves no Authorization; weir serve does';
