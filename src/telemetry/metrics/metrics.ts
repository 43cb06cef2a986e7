import { Counter, Gauge, Registry } from 'prom-client';
import type { WarningLogger } from '../../interfaces/logger.ts';
import type { MetricFamily } from '../../interfaces/metric-family.ts';
import { DecisionTally, type FaultCount } from '../decision-tally.ts';
import { createLatencyMetric, createLatencyRecorder } from './latency-metric.ts';
import { readMetricFamilies, readNamedFamilies } from './metric-families.ts';
import { createListenerMetrics, type ListenerMetrics } from './parts/listener-metrics.ts';
import { registerRuntimeMetrics } from './parts/runtime-metrics.ts';
import { registerTallies } from './read-at-scrape.ts';

export interface Metrics {
  readonly decisions: DecisionTally;
  /** Records that the circuit breaker of a Redis server has opened or closed. */
  readonly recordBreaker: (server: string, isOpen: boolean) => void;
  /** Records the time from a call of Redis to its reply, in ms. */
  readonly recordRoundTrip: (ms: number) => void;
  /** Records how many nodes share the counters. */
  readonly recordLiveNodes: (count: number) => void;
  readonly listeners: ListenerMetrics;
  readonly rules: FileReloads;
  readonly routes: FileReloads;
  /** Records that a token was rejected, and the fault in it. */
  readonly recordRejectedToken: (fault: string) => void;
  readonly registry: Registry;
  /** Reads all metrics. */
  read(): Promise<readonly MetricFamily[]>;
  /** Reads those of decisions as a whole, which are few: DECISION_METRICS. */
  readDecisions(): Promise<readonly MetricFamily[]>;
}

/** Metrics with few series that say what a node decides. */
const DECISION_METRICS = ['weir_decisions_total', 'weir_decision_seconds', 'weir_live_nodes'];

/** The reloads of files that are watched. */
export interface FileReloads {
  /** Whether the last change had faults, so that what was loaded before is in force. */
  readonly isOutdated: boolean;
  /** Records that the files have changed, and whether the change was applied. */
  readonly record: (isApplied: boolean) => void;
}

const FORGOTTEN_USAGE =
  'limits: usage that seems to be reported after the fact was rejected and forgotten; charge_rejected: true charges it';

const UNENFORCED_SLOTS =
  'limits: Check does not enforce concurrency limits; they hold where the rate limit filter asks for the domain plans';
const CONFIGURATION_FAULT = 'requests come with a setting that is not understood; the proxy is misconfigured';

/**
 * Decisions are tallied outside prom-client, whose counters would cost as much as a decision. A scrape reads the tally.
 * `version` is that of Weir. `log` gets a warning about each rule that forgets usage, and about each whose slots Check does
 * not enforce.
 */
export function createMetrics(version: string, log?: WarningLogger): Metrics {
  const registry = new Registry();
  const decisions = new DecisionTally({
    onForgottenUsage: (rule) => log?.warn({ rule }, FORGOTTEN_USAGE),
    onUnenforcedSlots: (rule) => log?.warn({ rule }, UNENFORCED_SLOTS),
    onConfigurationFault: ({ name, description, isDenied }) =>
      log?.warn({ name, description, isDenied }, CONFIGURATION_FAULT),
  });
  registerRuntimeMetrics(registry, 'decision', version);
  registerDecisionMetrics(registry, decisions);
  registry.registerMetric(
    createLatencyMetric('weir_decision_seconds', 'Time from the arrival of a call to its answer.', () =>
      Array.from(decisions.latencies(), ([question, tally]) => ({ labels: { question }, tally })),
    ),
  );
  const liveNodes = new Gauge({
    name: 'weir_live_nodes',
    help: 'Nodes that share the counters, as last counted. While Redis is away, each has its share of a local limit.',
    aggregator: 'max',
    registers: [registry],
  });
  return {
    decisions,
    recordBreaker: createBreakerRecorder(registry),
    recordRoundTrip: createLatencyRecorder(
      registry,
      'weir_redis_round_trip_seconds',
      'Time from a call of Redis to its reply.',
    ),
    recordLiveNodes: (count) => liveNodes.set(count),
    listeners: createListenerMetrics(registry),
    rules: createFileReloads(registry, 'rules'),
    routes: createFileReloads(registry, 'routes'),
    recordRejectedToken: (fault) => decisions.countRejectedToken(fault),
    registry,
    read: () => readMetricFamilies(registry),
    readDecisions: () => readNamedFamilies(registry, DECISION_METRICS),
  };
}

/** The answer to a caller does not name the fault, so that nobody can feel their way. Operators need to know it. */
export function registerRejectedTokens(registry: Registry, readCounts: () => Iterable<FaultCount>): void {
  registerTallies(registry, readCounts, {
    name: 'weir_tokens_refused_total',
    help: 'Tokens rejected for their signature or claims, by fault. Repetitions within seconds are not counted.',
    labelNames: ['fault'],
  });
}

function registerDecisionMetrics(registry: Registry, decisions: DecisionTally): void {
  registerTallies(registry, () => decisions.decisionCounts(), {
    name: 'weir_decisions_total',
    help: 'Decisions by question (check, rate_limit), verdict and the source that decided.',
    labelNames: ['question', 'verdict', 'source'],
  });
  registerTallies(registry, () => decisions.refusedCredentialCounts(), {
    name: 'weir_credentials_refused_total',
    help: 'Checks denied as malformed_credential or unknown_credential, by what is wrong with the credential.',
    labelNames: ['fault'],
  });
  registerTallies(registry, () => decisions.checkRefusalCounts(), {
    name: 'weir_check_refusals_total',
    help: 'Limits that rejected a Check, by plan (empty for rules of the domain edge) and limit. Bounded; the rest is other.',
    labelNames: ['plan', 'limit'],
  });
  registerRejectedTokens(registry, () => decisions.rejectedTokenCounts());
  registerTallies(registry, () => decisions.ruleCounts(), {
    name: 'weir_rule_decisions_total',
    help: 'Descriptors of the rate limit service by the rule that matched and their status (ok, over_limit).',
    labelNames: ['rule', 'verdict'],
  });
  registerTallies(registry, () => decisions.shadowCounts(), {
    name: 'weir_shadow_decisions_total',
    help: 'Verdicts that rules in shadow mode would have given (ok, would_deny, unavailable) on admitted requests.',
    labelNames: ['rule', 'verdict'],
  });
  registerTallies(registry, () => decisions.candidateCounts(), {
    name: 'weir_candidate_decisions_total',
    help: 'Verdicts that candidates of rules would have given (ok, would_deny, unavailable) on admitted requests.',
    labelNames: ['rule', 'verdict'],
  });
  registerTallies(registry, () => decisions.forgottenUsageCounts(), {
    name: 'weir_forgotten_usage_total',
    help:
      'Rejections of more than one hit that were not charged although the subject was peeked at before: usage that ' +
      'seems to be reported after the fact. A limit with charge_rejected charges it.',
    labelNames: ['rule'],
  });
  registerTallies(registry, () => decisions.unenforcedSlotCounts(), {
    name: 'weir_concurrency_unenforced_total',
    help: 'Checks that a concurrency limit matched and did not limit, by the rule or plan of the limit.',
    labelNames: ['rule'],
  });
  registerTallies(registry, () => decisions.configurationFaultCounts(), {
    name: 'weir_configuration_faults_total',
    help:
      'Requests with a setting that Weir does not understand, by its name, such as the key of a context extension, and ' +
      'result: denied, or ignored (UNKNOWN_EXTENSIONS=warn).',
    labelNames: ['name', 'result'],
  });
  registerTallies(registry, () => decisions.receiptCounts(), {
    name: 'weir_receipts_total',
    help:
      'Receipts by use (give_back, settle) and result: done; ignored, because repeated or too late; missing, for ' +
      'negative hits without a receipt; unavailable.',
    labelNames: ['use', 'result'],
  });
}

function createBreakerRecorder(registry: Registry): Metrics['recordBreaker'] {
  const labelNames = ['server'] as const;
  const open = new Gauge({
    name: 'weir_redis_breaker_open',
    help: '1 while the circuit breaker of a Redis server is open, so that decisions on it follow on_store_failure.',
    labelNames,
    aggregator: 'max',
    registers: [registry],
  });
  const openings = new Counter({
    name: 'weir_redis_breaker_openings_total',
    help: 'How often the circuit breaker of a Redis server has opened.',
    labelNames,
    registers: [registry],
  });
  return (server, isOpen) => {
    open.set({ server }, isOpen ? 1 : 0);
    if (isOpen) openings.inc({ server });
  };
}

function createFileReloads(registry: Registry, kind: 'rules' | 'routes'): FileReloads {
  let isOutdated = false;
  const outdated = new Gauge({
    name: `weir_${kind}_outdated`,
    help: `1 while the ${kind} files have faults and the ${kind} from before their last change are in force.`,
    aggregator: 'max',
    registers: [registry],
  });
  const reloads = new Counter({
    name: `weir_${kind}_reloads_total`,
    help: `Changes of the ${kind} files, by whether they were taken_up or refused.`,
    labelNames: ['result'] as const,
    registers: [registry],
  });
  const takenUpAt = new Gauge({
    name: `weir_${kind}_reload_timestamp_seconds`,
    help: `Unix time at which the ${kind} in force were loaded.`,
    aggregator: 'min',
    registers: [registry],
  });
  takenUpAt.setToCurrentTime();
  return {
    get isOutdated() {
      return isOutdated;
    },
    record(isApplied) {
      isOutdated = !isApplied;
      outdated.set(isApplied ? 0 : 1);
      if (isApplied) takenUpAt.setToCurrentTime();
      reloads.inc({ result: isApplied ? 'taken_up' : 'refused' });
    },
  };
}
