export type QuestionKind = 'check' | 'rate_limit';

/** Upper bounds in seconds, 50 µs to 100 ms: Envoy's own timeouts for these calls are 20 and 200 ms. */
export const LATENCY_BUCKETS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];

export interface LatencyTally {
  /** One more than LATENCY_BUCKETS: the last counts what took longer than all of them. */
  readonly bucketCounts: number[];
  sumSeconds: number;
}

export interface DecisionCount {
  readonly question: QuestionKind;
  readonly verdict: string;
  readonly source: string;
  readonly count: number;
}

export interface ShadowCount {
  readonly rule: string;
  readonly verdict: string;
  readonly count: number;
}

export interface ReceiptCount {
  readonly use: string;
  readonly result: string;
  readonly count: number;
}

/** Beyond it they are counted together: what scrapes them keeps every name that it has seen. */
const MOST_RULES = 10_000;
const LONGEST_RULE = 256;
const OTHER_RULES = 'other rules';

/** Counts of decisions, in plain numbers: this is called for every decision. */
export class DecisionTally {
  /** By question, verdict and source. */
  readonly #counts = new Map<QuestionKind, Map<string, Map<string, number>>>();
  /** By rule and verdict. */
  readonly #shadows = new Map<string, Map<string, number>>();
  readonly #candidates = new Map<string, Map<string, number>>();
  readonly #rules = new Map<string, { ok: number; overLimit: number }>();
  /** By use and result. */
  readonly #receipts = new Map<string, Map<string, number>>();
  readonly #latencies = new Map<QuestionKind, LatencyTally>();

  count(question: QuestionKind, verdict: string, source: string): void {
    const bySource = inner(inner(this.#counts, question), verdict);
    bySource.set(source, (bySource.get(source) ?? 0) + 1);
  }

  /** What a rule in shadow mode would have done. Rules are as many as the rules files have, or had. */
  countShadow(rule: string, verdict: string): void {
    const byVerdict = inner(this.#shadows, rule);
    byVerdict.set(verdict, (byVerdict.get(verdict) ?? 0) + 1);
  }

  /** What the candidate of a rule would have done. */
  countCandidate(rule: string, verdict: string): void {
    const byVerdict = inner(this.#candidates, rule);
    byVerdict.set(verdict, (byVerdict.get(verdict) ?? 0) + 1);
  }

  *candidateCounts(): Iterable<ShadowCount> {
    for (const [rule, byVerdict] of this.#candidates)
      for (const [verdict, count] of byVerdict) yield { rule, verdict, count };
  }

  /** A descriptor that a rule was matched by. Names may have values in them that anybody sends. */
  countRule(name: string, overLimit: boolean): void {
    let count = this.#rules.get(name);
    if (count === undefined) {
      const known = this.#rules.size < MOST_RULES && name.length <= LONGEST_RULE ? name : OTHER_RULES;
      count = this.#rules.get(known) ?? { ok: 0, overLimit: 0 };
      this.#rules.set(known, count);
    }
    if (overLimit) count.overLimit++;
    else count.ok++;
  }

  *ruleCounts(): Iterable<ShadowCount> {
    for (const [rule, { ok, overLimit }] of this.#rules) {
      if (ok > 0) yield { rule, verdict: 'ok', count: ok };
      if (overLimit > 0) yield { rule, verdict: 'over_limit', count: overLimit };
    }
  }

  /** What became of a receipt that was to be given back or settled. */
  countReceipt(use: string, result: string): void {
    const byResult = inner(this.#receipts, use);
    byResult.set(result, (byResult.get(result) ?? 0) + 1);
  }

  *receiptCounts(): Iterable<ReceiptCount> {
    for (const [use, byResult] of this.#receipts) for (const [result, count] of byResult) yield { use, result, count };
  }

  *shadowCounts(): Iterable<ShadowCount> {
    for (const [rule, byVerdict] of this.#shadows)
      for (const [verdict, count] of byVerdict) yield { rule, verdict, count };
  }

  /** Seconds from arrival to answer of so many calls. */
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

  *counts(): Iterable<DecisionCount> {
    for (const [question, byVerdict] of this.#counts)
      for (const [verdict, bySource] of byVerdict)
        for (const [source, count] of bySource) yield { question, verdict, source, count };
  }

  latencies(): ReadonlyMap<QuestionKind, LatencyTally> {
    return this.#latencies;
  }
}

function inner<Outer, Key, Value>(outer: Map<Outer, Map<Key, Value>>, key: Outer): Map<Key, Value> {
  let found = outer.get(key);
  if (found === undefined) {
    found = new Map();
    outer.set(key, found);
  }
  return found;
}
