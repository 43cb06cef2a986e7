import { Counter, type Registry } from 'prom-client';
import type { DescriptorVerdict } from '../../../decide/rate-limit/rate-limit-verdict.ts';
import { advertisedQuota } from '../../../domain/limits/limit-status.ts';
import type { DecisionTally } from '../../decision-tally.ts';

/** Statistics of one rule, in hits. The names are those of envoyproxy/ratelimit. */
interface RuleHits {
  readonly labels: RuleLabels;
  total_hits: number;
  within_limit: number;
  near_limit: number;
  over_limit: number;
  shadow_mode: number;
}

type Statistic = Exclude<keyof RuleHits, 'labels'>;

interface RuleLabels {
  readonly domain: string;
  readonly key1: string;
  readonly key2?: string;
}

const STATISTICS: Readonly<Record<Statistic, string>> = {
  total_hits: 'Hits of descriptors that matched the rule.',
  within_limit: 'Hits of admitted descriptors.',
  near_limit: 'Hits that used more than NEAR_LIMIT_RATIO of the limit.',
  over_limit: 'Hits of descriptors that were over the limit.',
  shadow_mode: 'Hits over the limit of a rule in shadow mode, which passed.',
};

/** Prometheus keeps every name that it has seen, and clients choose the names of rules with `detailed_metric`. */
const MAX_RULES = 10_000;
const MAX_RULE_NAME_LENGTH = 256;
const OTHER: RuleLabels = { domain: 'other', key1: 'other' };

/**
 * Counts hits by rule, as envoyproxy/ratelimit does (src/limiter/base_limiter.go). A rejected request counts all of its
 * hits as over the limit: what of them would have fit is not known.
 */
export class RuleHitTally {
  readonly #nearLimitRatio: number;
  readonly #byName = new Map<string, RuleHits>();
  readonly #other = createRuleHits(OTHER);
  #globalShadowMode = 0;

  constructor(nearLimitRatio: number) {
    this.#nearLimitRatio = nearLimitRatio;
  }

  /** Requests that were over a limit and passed, because the service is in shadow mode. */
  get globalShadowMode(): number {
    return this.#globalShadowMode;
  }

  count(descriptors: readonly DescriptorVerdict[], isOverridden: boolean): void {
    if (isOverridden) this.#globalShadowMode++;
    for (const descriptor of descriptors) this.#countDescriptor(descriptor);
  }

  *read(statistic: Statistic): Generator<{ readonly labels: RuleLabels; readonly count: number }, void> {
    for (const rule of this.#byName.values()) yield { labels: rule.labels, count: rule[statistic] };
    if (this.#other.total_hits > 0) yield { labels: OTHER, count: this.#other[statistic] };
  }

  #countDescriptor({ metricName, status, hits, mode }: DescriptorVerdict): void {
    if (metricName === undefined || status === undefined || hits === undefined) return;
    const rule = this.#find(metricName);
    rule.total_hits += hits;
    if (status.exceeded) {
      rule.over_limit += hits;
      if (mode === 'shadow') rule.shadow_mode += hits;
      return;
    }
    const { requests } = advertisedQuota(status.limit);
    const used = requests - status.remaining;
    const near = Math.floor(requests * this.#nearLimitRatio);
    rule.within_limit += hits;
    rule.near_limit += Math.min(hits, Math.max(0, used - near));
  }

  #find(name: string): RuleHits {
    let rule = this.#byName.get(name);
    if (rule === undefined) {
      if (this.#byName.size === MAX_RULES || name.length > MAX_RULE_NAME_LENGTH) return this.#other;
      rule = createRuleHits(labelRule(name));
      this.#byName.set(name, rule);
    }
    return rule;
  }
}

function createRuleHits(labels: RuleLabels): RuleHits {
  return { labels, total_hits: 0, within_limit: 0, near_limit: 0, over_limit: 0, shadow_mode: 0 };
}

const IPV4_ADDRESS = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/g;

/**
 * Splits the name of a rule into labels as envoyproxy/ratelimit does (src/stats/prom/default_mapper.yaml): at each dot
 * but those of IPv4 addresses. What comes after the second key has no label.
 */
export function labelRule(name: string): RuleLabels {
  const sanitized = name.replaceAll(/[:|]/g, '_').replaceAll(IPV4_ADDRESS, (address) => address.replaceAll('.', '_'));
  const [domain = '', key1 = '', key2] = sanitized.split('.');
  return { domain, key1, ...(key2 !== undefined && { key2 }) };
}

export interface RatelimitMetricsSources {
  readonly hits: RuleHitTally;
  readonly decisions: Pick<DecisionTally, 'decisionCounts'>;
}

/** Registers the metrics of envoyproxy/ratelimit, under its names. Returns how to record that rules were loaded. */
export function registerRatelimitMetrics(
  registry: Registry,
  { hits, decisions }: RatelimitMetricsSources,
): (isSuccess: boolean) => void {
  for (const [statistic, help] of Object.entries(STATISTICS) as [Statistic, string][]) {
    new Counter({
      name: `ratelimit_service_rate_limit_${statistic}`,
      help,
      labelNames: ['domain', 'key1', 'key2'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels, count } of hits.read(statistic)) this.inc({ ...labels }, count);
      },
    });
  }
  registerCallMetrics(registry, { hits, decisions });
  return createLoadRecorder(registry);
}

/** Labels of the only method, and of the causes of failed calls. */
const METHOD = { grpc_method: 'ShouldRateLimit' };
const INVALID = 'invalid';
const UNAVAILABLE = 'unavailable';

function registerCallMetrics(registry: Registry, { hits, decisions }: RatelimitMetricsSources): void {
  const countCalls = (matches: (verdict: string) => boolean): number => {
    let sum = 0;
    for (const { question, verdict, count } of decisions.decisionCounts()) {
      if (question === 'rate_limit' && matches(verdict)) sum += count;
    }
    return sum;
  };
  new Counter({
    name: 'ratelimit_service_total_requests',
    help: 'Calls of the rate limit service, by method.',
    labelNames: ['grpc_method'],
    registers: [registry],
    collect() {
      this.reset();
      this.inc(
        METHOD,
        countCalls(() => true),
      );
    },
  });
  new Counter({
    name: 'ratelimit_service_should_rate_limit_error',
    help: 'Calls that failed: service_error for invalid requests, redis_error where nothing could decide.',
    labelNames: ['err_type'],
    registers: [registry],
    collect() {
      this.reset();
      this.inc(
        { err_type: 'service_error' },
        countCalls((verdict) => verdict === INVALID),
      );
      this.inc(
        { err_type: 'redis_error' },
        countCalls((verdict) => verdict === UNAVAILABLE),
      );
    },
  });
  new Counter({
    name: 'ratelimit_service_global_shadow_mode',
    help: 'Requests over a limit that passed, because SHADOW_MODE is on.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(hits.globalShadowMode);
    },
  });
}

function createLoadRecorder(registry: Registry): (isSuccess: boolean) => void {
  const success = new Counter({
    name: 'ratelimit_service_config_load_success',
    help: 'Rules that were loaded and are in force, or have been.',
    registers: [registry],
  });
  const error = new Counter({
    name: 'ratelimit_service_config_load_error',
    help: 'Rules that were not loaded because they have faults.',
    registers: [registry],
  });
  return (isSuccess) => (isSuccess ? success : error).inc();
}
