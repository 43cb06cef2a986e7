import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import type { WarningLogger } from '../interfaces/logger.ts';
import { DecisionTally, LATENCY_BUCKETS, type LatencyTally, type QuestionKind } from './decision-tally.ts';

export interface Metrics {
  readonly decisions: DecisionTally;
  /** Records that the circuit breaker of a Redis server has opened or closed. */
  readonly recordBreaker: (server: string, isOpen: boolean) => void;
  /** Records how many nodes share the counters. */
  readonly recordLiveNodes: (count: number) => void;
  /** Records that the rules files have changed, and whether the change was applied. */
  readonly recordRulesReload: (isApplied: boolean) => void;
  /** Records that a token was rejected, and the fault in it. */
  readonly recordRejectedToken: (fault: string) => void;
  readonly registry: Registry;
}

const FORGOTTEN_USAGE =
  'limits: usage that seems to be reported after the fact was rejected and forgotten; charge_rejected: true charges it';

/**
 * Decisions are tallied outside prom-client, whose counters would cost as much as a decision. A scrape reads the tally.
 * `log` gets a warning about each rule that forgets usage.
 */
export function createMetrics(log?: WarningLogger): Metrics {
  const registry = new Registry();
  const decisions = new DecisionTally((rule) => log?.warn({ rule }, FORGOTTEN_USAGE));
  collectDefaultMetrics({ register: registry, prefix: 'weir_' });
  registerDecisionMetrics(registry, decisions);
  registry.registerMetric(createLatencyMetric(decisions));
  const liveNodes = new Gauge({
    name: 'weir_live_nodes',
    help: 'Nodes that share the counters, as last counted. While Redis is away, each has its share of a local limit.',
    registers: [registry],
  });
  return {
    decisions,
    recordBreaker: createBreakerRecorder(registry),
    recordLiveNodes: (count) => liveNodes.set(count),
    recordRulesReload: createReloadRecorder(registry),
    recordRejectedToken: createTokenRecorder(registry),
    registry,
  };
}

function registerDecisionMetrics(registry: Registry, decisions: DecisionTally): void {
  registerTalliedCounter(registry, () => decisions.decisionCounts(), {
    name: 'weir_decisions_total',
    help: 'Decisions by question (check, rate_limit), verdict and the source that decided.',
    labelNames: ['question', 'verdict', 'source'],
  });
  registerTalliedCounter(registry, () => decisions.refusedCredentialCounts(), {
    name: 'weir_credentials_refused_total',
    help: 'Checks denied as malformed_credential or unknown_credential, by what is wrong with the credential.',
    labelNames: ['fault'],
  });
  registerTalliedCounter(registry, () => decisions.ruleCounts(), {
    name: 'weir_rule_decisions_total',
    help: 'Descriptors of the rate limit service by the rule that matched and their status (ok, over_limit).',
    labelNames: ['rule', 'verdict'],
  });
  registerTalliedCounter(registry, () => decisions.shadowCounts(), {
    name: 'weir_shadow_decisions_total',
    help: 'Verdicts that rules in shadow mode would have given (ok, would_deny, unavailable) on admitted requests.',
    labelNames: ['rule', 'verdict'],
  });
  registerTalliedCounter(registry, () => decisions.candidateCounts(), {
    name: 'weir_candidate_decisions_total',
    help: 'Verdicts that candidates of rules would have given (ok, would_deny, unavailable) on admitted requests.',
    labelNames: ['rule', 'verdict'],
  });
  registerTalliedCounter(registry, () => decisions.forgottenUsageCounts(), {
    name: 'weir_forgotten_usage_total',
    help:
      'Rejections of more than one hit that were not charged although the subject was peeked at before: usage that ' +
      'seems to be reported after the fact. A limit with charge_rejected charges it.',
    labelNames: ['rule'],
  });
  registerTalliedCounter(registry, () => decisions.receiptCounts(), {
    name: 'weir_receipts_total',
    help:
      'Receipts by use (give_back, settle) and result: done; ignored, because repeated or too late; missing, for ' +
      'negative hits without a receipt; unavailable.',
    labelNames: ['use', 'result'],
  });
}

/**
 * Registers a counter that reads the tally at each scrape. The fields of a count, other than `count`, are its labels.
 */
function registerTalliedCounter(
  registry: Registry,
  readCounts: () => Iterable<{ readonly count: number }>,
  description: { readonly name: string; readonly help: string; readonly labelNames: string[] },
): void {
  new Counter({
    ...description,
    registers: [registry],
    collect() {
      this.reset();
      for (const { count, ...labels } of readCounts()) this.inc(labels, count);
    },
  });
}

function createBreakerRecorder(registry: Registry): Metrics['recordBreaker'] {
  const labelNames = ['server'] as const;
  const open = new Gauge({
    name: 'weir_redis_breaker_open',
    help: '1 while the circuit breaker of a Redis server is open, so that decisions on it follow on_store_failure.',
    labelNames,
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

function createReloadRecorder(registry: Registry): Metrics['recordRulesReload'] {
  const outdated = new Gauge({
    name: 'weir_rules_outdated',
    help: '1 while the rules files have faults and the rules from before their last change are in force.',
    registers: [registry],
  });
  const reloads = new Counter({
    name: 'weir_rules_reloads_total',
    help: 'Changes of the rules files, by whether they were taken_up or refused.',
    labelNames: ['result'] as const,
    registers: [registry],
  });
  return (isApplied) => {
    outdated.set(isApplied ? 0 : 1);
    reloads.inc({ result: isApplied ? 'taken_up' : 'refused' });
  };
}

/** The answer to a caller does not name the fault, so that nobody can feel their way. Operators need to know it. */
function createTokenRecorder(registry: Registry): Metrics['recordRejectedToken'] {
  const rejected = new Counter({
    name: 'weir_tokens_refused_total',
    help: 'Tokens rejected for their signature or claims, by fault. Repetitions within seconds are not counted.',
    labelNames: ['fault'] as const,
    registers: [registry],
  });
  return (fault) => rejected.inc({ fault });
}

function createLatencyMetric(decisions: DecisionTally): Metric<string> {
  const name = 'weir_decision_seconds';
  const metric = {
    name,
    reset: () => {},
    get: async () => ({
      name,
      help: 'Time from the arrival of a call to its answer.',
      type: 'histogram',
      aggregator: 'sum',
      values: [...decisions.latencies()].flatMap(([question, latency]) => toHistogram(name, question, latency)),
    }),
  };
  // A registry uses nothing but name, get and reset of a metric. Its type requires the whole class.
  return metric as unknown as Metric<string>;
}

function toHistogram(name: string, question: QuestionKind, { bucketCounts, sumSeconds }: LatencyTally) {
  let count = 0;
  const buckets = bucketCounts.map((inBucket, index) => {
    count += inBucket;
    const le = LATENCY_BUCKETS[index] ?? '+Inf';
    return { metricName: `${name}_bucket`, labels: { question, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { question }, value: sumSeconds },
    { metricName: `${name}_count`, labels: { question }, value: count },
  ];
}
