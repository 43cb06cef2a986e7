export type QuestionKind = 'check' | 'rate_limit';

/**
 * Upper bounds of the latency buckets, in seconds: 50 µs to 100 ms. Envoy's timeouts for these calls are 20 and 200 ms.
 */
export const LATENCY_BUCKETS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];

export interface LatencyTally {
  /** One count for each of LATENCY_BUCKETS, then one for all longer times. Not cumulative. */
  readonly bucketCounts: number[];
  sumSeconds: number;
}

export interface DecisionCount {
  readonly question: QuestionKind;
  readonly verdict: string;
  readonly source: string;
  readonly count: number;
}

export interface RuleCount {
  readonly rule: string;
  readonly verdict: string;
  readonly count: number;
}

export interface FaultCount {
  readonly fault: string;
  readonly count: number;
}

export interface ReceiptCount {
  readonly use: string;
  readonly result: string;
  readonly count: number;
}

/**
 * Further rules, and rules with longer names, are counted as OTHER_RULES: Prometheus keeps every name that it has seen.
 */
const MAX_RULES = 10_000;
const MAX_RULE_NAME_LENGTH = 256;
const OTHER_RULES = 'other rules';

/** Counts decisions in plain numbers. It is called for every decision. */
export class DecisionTally {
  /** By question, verdict and source. */
  readonly #decisions = new Map<QuestionKind, Map<string, Map<string, number>>>();
  /** By fault. The faults are those of CredentialFaultName. */
  readonly #refusedCredentials = new Map<string, number>();
  readonly #shadows = new PairCounts();
  readonly #candidates = new PairCounts();
  readonly #receipts = new PairCounts();
  readonly #rules = new Map<string, { ok: number; overLimit: number }>();
  /** By rule. */
  readonly #forgottenUsage = new Map<string, number>();
  readonly #onFirstForgottenUsage: (rule: string) => void;
  readonly #latencies = new Map<QuestionKind, LatencyTally>();

  /** `onFirstForgottenUsage` is called once for each rule that forgets usage. */
  constructor(onFirstForgottenUsage: (rule: string) => void = () => undefined) {
    this.#onFirstForgottenUsage = onFirstForgottenUsage;
  }

  /** Counts one answered question. */
  count(question: QuestionKind, verdict: string, source: string): void {
    const bySource = innerMap(innerMap(this.#decisions, question), verdict);
    bySource.set(source, (bySource.get(source) ?? 0) + 1);
  }

  /** Counts a Check that was denied for its credential, by what is wrong with it. */
  countRefusedCredential(fault: string): void {
    this.#refusedCredentials.set(fault, (this.#refusedCredentials.get(fault) ?? 0) + 1);
  }

  /** Counts what a rule in shadow mode would have decided. There are as many rules as the rules files have, or had. */
  countShadow(rule: string, verdict: string): void {
    this.#shadows.increment(rule, verdict);
  }

  /** Counts what the candidate of a rule would have decided. */
  countCandidate(rule: string, verdict: string): void {
    this.#candidates.increment(rule, verdict);
  }

  /** Counts what became of a receipt that a caller refunds or settles. */
  countReceipt(use: string, result: string): void {
    this.#receipts.increment(use, result);
  }

  /** Counts a rejected report of usage that a rule forgets, and tells the listener about the first one of each rule. */
  countForgottenUsage(rule: string): void {
    const count = this.#forgottenUsage.get(rule);
    const name = count === undefined && this.#forgottenUsage.size >= MAX_RULES ? OTHER_RULES : rule;
    this.#forgottenUsage.set(name, (this.#forgottenUsage.get(name) ?? 0) + 1);
    if (count === undefined && name === rule) this.#onFirstForgottenUsage(rule);
  }

  /** Counts a descriptor that a rule matched. The name can contain values that anybody sends, so names are bounded. */
  countRule(name: string, overLimit: boolean): void {
    let count = this.#rules.get(name);
    if (count === undefined) {
      const bounded = this.#rules.size < MAX_RULES && name.length <= MAX_RULE_NAME_LENGTH ? name : OTHER_RULES;
      count = this.#rules.get(bounded) ?? { ok: 0, overLimit: 0 };
      this.#rules.set(bounded, count);
    }
    if (overLimit) count.overLimit++;
    else count.ok++;
  }

  /** Records the time from arrival to answer, in seconds, of `calls` calls. */
  observe(question: QuestionKind, seconds: number, calls: number): void {
    let latency = this.#latencies.get(question);
    if (latency === undefined) {
      latency = { bucketCounts: [...LATENCY_BUCKETS.map(() => 0), 0], sumSeconds: 0 };
      this.#latencies.set(question, latency);
    }
    let bucket = LATENCY_BUCKETS.findIndex((bound) => seconds <= bound);
    if (bucket < 0) bucket = LATENCY_BUCKETS.length;
    latency.bucketCounts[bucket] = (latency.bucketCounts[bucket] ?? 0) + calls;
    latency.sumSeconds += seconds * calls;
  }

  *decisionCounts(): Iterable<DecisionCount> {
    for (const [question, byVerdict] of this.#decisions)
      for (const [verdict, bySource] of byVerdict)
        for (const [source, count] of bySource) yield { question, verdict, source, count };
  }

  *refusedCredentialCounts(): Iterable<FaultCount> {
    for (const [fault, count] of this.#refusedCredentials) yield { fault, count };
  }

  *ruleCounts(): Iterable<RuleCount> {
    for (const [rule, { ok, overLimit }] of this.#rules) {
      if (ok > 0) yield { rule, verdict: 'ok', count: ok };
      if (overLimit > 0) yield { rule, verdict: 'over_limit', count: overLimit };
    }
  }

  *shadowCounts(): Iterable<RuleCount> {
    for (const [rule, verdict, count] of this.#shadows.entries()) yield { rule, verdict, count };
  }

  *candidateCounts(): Iterable<RuleCount> {
    for (const [rule, verdict, count] of this.#candidates.entries()) yield { rule, verdict, count };
  }

  *forgottenUsageCounts(): Iterable<{ readonly rule: string; readonly count: number }> {
    for (const [rule, count] of this.#forgottenUsage) yield { rule, count };
  }

  *receiptCounts(): Iterable<ReceiptCount> {
    for (const [use, result, count] of this.#receipts.entries()) yield { use, result, count };
  }

  latencies(): ReadonlyMap<QuestionKind, LatencyTally> {
    return this.#latencies;
  }
}

/** Counts by two labels. */
class PairCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  increment(first: string, second: string): void {
    const bySecond = innerMap(this.#counts, first);
    bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
  }

  *entries(): Iterable<readonly [first: string, second: string, count: number]> {
    for (const [first, bySecond] of this.#counts) for (const [second, count] of bySecond) yield [first, second, count];
  }
}

/** Returns the map at `key`, which is added if it is missing. */
function innerMap<Outer, Key, Value>(outer: Map<Outer, Map<Key, Value>>, key: Outer): Map<Key, Value> {
  let inner = outer.get(key);
  if (inner === undefined) {
    inner = new Map();
    outer.set(key, inner);
  }
  return inner;
}
