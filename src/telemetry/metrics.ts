import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import { DecisionTally, LATENCY_BUCKETS, type LatencyTally, type QuestionKind } from './decision-tally.ts';

export interface Metrics {
  readonly decisions: DecisionTally;
  /** Notes that a Redis server is asked no more, but for probes, or is asked again. */
  readonly breaker: (server: string, isOpen: boolean) => void;
  readonly liveNodes: (count: number) => void;
  /** Notes that the rules files have changed, and whether that could be taken up. */
  readonly rulesReload: (isTakenUp: boolean) => void;
  /** Notes that a token was refused when it came first, and what was wrong with it. */
  readonly refusedToken: (fault: string) => void;
  readonly registry: Registry;
}

/** Decisions are tallied beside prom-client, whose own counters would cost as much as deciding; a scrape reads them. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const decisions = new DecisionTally();
  collectDefaultMetrics({ register: registry, prefix: 'weir_' });
  registerDecisions(registry, decisions);
  registry.registerMetric(latencyMetric(decisions));
  const liveNodes = new Gauge({
    name: 'weir_live_nodes',
    help: 'Nodes that share the counters, as last counted; while Redis is away each has that part of a local limit.',
    registers: [registry],
  });
  return {
    decisions,
    breaker: breakerMetrics(registry),
    liveNodes: (count) => liveNodes.set(count),
    rulesReload: rulesMetrics(registry),
    refusedToken: refusedTokens(registry),
    registry,
  };
}

function registerDecisions(registry: Registry, decisions: DecisionTally): void {
  registerTallied(registry, () => decisions.counts(), {
    name: 'weir_decisions_total',
    help: 'Decisions by question (check, rate_limit), verdict and the source that decided.',
    labelNames: ['question', 'verdict', 'source'],
  });
  registerTallied(registry, () => decisions.ruleCounts(), {
    name: 'weir_rule_decisions_total',
    help: 'Descriptors of the rate limit service by the rule that was matched and their status (ok, over_limit).',
    labelNames: ['rule', 'verdict'],
  });
  registerTallied(registry, () => decisions.shadowCounts(), {
    name: 'weir_shadow_decisions_total',
    help: 'What rules in shadow mode would have done (ok, would_deny, unavailable) with requests that were let in.',
    labelNames: ['rule', 'verdict'],
  });
  registerTallied(registry, () => decisions.candidateCounts(), {
    name: 'weir_candidate_decisions_total',
    help: 'What the candidates of rules would have done (ok, would_deny, unavailable) with requests that were let in.',
    labelNames: ['rule', 'verdict'],
  });
  registerTallied(registry, () => decisions.receiptCounts(), {
    name: 'weir_receipts_total',
    help:
      'What became of receipts by use (give_back, settle): done; ignored, as they came again or too late; missing, of ' +
      'negative hits that had none; unavailable.',
    labelNames: ['use', 'result'],
  });
}

/** A counter of what is tallied beside prom-client; what each count has besides are its labels. */
function registerTallied(
  registry: Registry,
  counts: () => Iterable<{ readonly count: number }>,
  described: { readonly name: string; readonly help: string; readonly labelNames: string[] },
): void {
  new Counter({
    ...described,
    registers: [registry],
    collect() {
      this.reset();
      for (const { count, ...labels } of counts()) this.inc(labels, count);
    },
  });
}

function breakerMetrics(registry: Registry): Metrics['breaker'] {
  const labelNames = ['server'] as const;
  const open = new Gauge({
    name: 'weir_redis_breaker_open',
    help: '1 while a Redis server is silent and only probed, so that decisions on it follow on_store_failure.',
    labelNames,
    registers: [registry],
  });
  const openings = new Counter({
    name: 'weir_redis_breaker_openings_total',
    help: 'How often a Redis server was found to be silent.',
    labelNames,
    registers: [registry],
  });
  return (server, isOpen) => {
    open.set({ server }, isOpen ? 1 : 0);
    if (isOpen) openings.inc({ server });
  };
}

function rulesMetrics(registry: Registry): Metrics['rulesReload'] {
  const outdated = new Gauge({
    name: 'weir_rules_outdated',
    help: '1 while the rules files have faults, so that the rules from before their last change are in use.',
    registers: [registry],
  });
  const reloads = new Counter({
    name: 'weir_rules_reloads_total',
    help: 'How often the rules files have changed, by whether that was taken_up or refused.',
    labelNames: ['result'] as const,
    registers: [registry],
  });
  return (isTakenUp) => {
    outdated.set(isTakenUp ? 0 : 1);
    reloads.inc({ result: isTakenUp ? 'taken_up' : 'refused' });
  };
}

/** Callers are not told, so that nobody can feel their way; who runs the service has to know. */
function refusedTokens(registry: Registry): Metrics['refusedToken'] {
  const refused = new Counter({
    name: 'weir_tokens_refused_total',
    help: 'Tokens whose signature or claims were refused, by fault; one that comes again within seconds is not counted anew.',
    labelNames: ['fault'] as const,
    registers: [registry],
  });
  return (fault) => refused.inc({ fault });
}

function latencyMetric(decisions: DecisionTally): Metric<string> {
  const name = 'weir_decision_seconds';
  const metric = {
    name,
    reset: () => {},
    get: async () => ({
      name,
      help: 'Time from the arrival of a call to its answer.',
      type: 'histogram',
      aggregator: 'sum',
      values: [...decisions.latencies()].flatMap(([question, latency]) => histogramValues(name, question, latency)),
    }),
  };
  // A registry calls name, get and reset of a metric and nothing else; its type asks for the whole class.
  return metric as unknown as Metric<string>;
}

function histogramValues(name: string, question: QuestionKind, { bucketCounts, sumSeconds }: LatencyTally) {
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
