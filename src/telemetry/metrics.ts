import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

export type QuestionKind = 'check' | 'rate_limit';

export interface Metrics {
  /** One decision: what was asked, what was answered, and who decided. */
  countDecision(question: QuestionKind, verdict: string, source: string): void;
  /** Seconds from a call's arrival to its answer. */
  observeLatency(question: QuestionKind, seconds: number): void;
  readonly registry: Registry;
}

/** 50 µs to 100 ms: Envoy's own timeouts for these calls are 20 and 200 ms. */
const LATENCY_BUCKETS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'weir_' });
  const decisions = new Counter({
    name: 'weir_decisions_total',
    help: 'Decisions by question (check, rate_limit), verdict and the source that decided.',
    labelNames: ['question', 'verdict', 'source'] as const,
    registers: [registry],
  });
  const latency = new Histogram({
    name: 'weir_decision_seconds',
    help: 'Time from the arrival of a call to its answer.',
    labelNames: ['question'] as const,
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  return {
    registry,
    countDecision: (question, verdict, source) => decisions.inc({ question, verdict, source }),
    observeLatency: (question, seconds) => latency.observe({ question }, seconds),
  };
}
