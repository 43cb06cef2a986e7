import type { DescriptorCounts, UnenforcedCounts } from '../domain/rules/listed-rules.ts';
import {
  type ConfigurationFault,
  type ConfigurationFaultCount,
  ConfigurationFaultTally,
} from './configuration-fault-tally.ts';
import { LatencyTally } from './latency-tally.ts';
import { innerMap, OTHER_PAIRS, PairCounts } from './pair-counts.ts';

export type QuestionKind = 'check' | 'rate_limit';

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
/** Further plans and limits are counted as OTHER_PAIRS. */
const MAX_REFUSING_LIMITS = 1000;
/** As long as identity/verify-tokens caches its rejections. */
const REPEATED_REJECTION_MS = 10_000;

interface TallyListeners {
  /** Called at the first count of a rule. */
  readonly onForgottenUsage?: (rule: string) => void;
  /** Called at the first count of a rule. */
  readonly onUnenforcedSlots?: (rule: string) => void;
  /** Called at most once a minute for each name. */
  readonly onConfigurationFault?: (fault: ConfigurationFault) => void;
}

/** Counts decisions in plain numbers. It is called for every decision. */
export class DecisionTally {
  readonly startTime = new Date();
  /** By question, verdict and source. */
  readonly #decisions = new Map<QuestionKind, Map<string, Map<string, number>>>();
  /** By fault. The faults are those of CredentialFaultName. */
  readonly #refusedCredentials = new Map<string, number>();
  /** Rejected tokens, by fault. */
  readonly #rejectedTokens = new Map<string, number>();
  /** Time at which a verified token was last counted as rejected, on the clock of performance.now(). */
  readonly #rejectedAt = new WeakMap<object, number>();
  /** By plan and limit. */
  readonly #checkRefusals = new PairCounts(MAX_REFUSING_LIMITS);
  readonly #shadows = new PairCounts();
  readonly #candidates = new PairCounts();
  readonly #receipts = new PairCounts();
  readonly #rules = new Map<string, { ok: number; overLimit: number }>();
  readonly #forgottenUsage: WarnedCounts;
  readonly #unenforcedSlots: WarnedCounts;
  readonly #configurationFaults: ConfigurationFaultTally;
  readonly #latencies = new Map<QuestionKind, LatencyTally>();

  constructor({
    onForgottenUsage = () => undefined,
    onUnenforcedSlots = () => undefined,
    onConfigurationFault = () => undefined,
  }: TallyListeners = {}) {
    this.#forgottenUsage = new WarnedCounts(onForgottenUsage);
    this.#unenforcedSlots = new WarnedCounts(onUnenforcedSlots);
    this.#configurationFaults = new ConfigurationFaultTally(onConfigurationFault);
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

  /** Counts a limit that rejected a Check. `plan` is empty for a rule of the domain `edge`. */
  countCheckRefusal(plan: string, limit: string): void {
    if (plan.length > MAX_RULE_NAME_LENGTH || limit.length > MAX_RULE_NAME_LENGTH)
      this.#checkRefusals.increment(OTHER_PAIRS, OTHER_PAIRS);
    else this.#checkRefusals.increment(plan, limit);
  }

  /** Counts a token that its verification rejected. The verification leaves out repetitions. */
  countRejectedToken(fault: string): void {
    this.#rejectedTokens.set(fault, (this.#rejectedTokens.get(fault) ?? 0) + 1);
  }

  /**
   * Counts a token with a valid signature that was rejected for its claims. `token` is the same object as long as its
   * verification is cached. A repetition within seconds is not counted.
   */
  countRejectedClaims(token: object, fault: string): void {
    const now = performance.now();
    if (now - (this.#rejectedAt.get(token) ?? Number.NEGATIVE_INFINITY) < REPEATED_REJECTION_MS) return;
    this.#rejectedAt.set(token, now);
    this.countRejectedToken(fault);
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

  /** Counts a rejected report of usage that a rule forgets. */
  countForgottenUsage(rule: string): void {
    this.#forgottenUsage.increment(rule);
  }

  /** Counts a `concurrency` limit of this rule or plan that Check did not enforce. */
  countUnenforcedSlots(rule: string): void {
    this.#unenforcedSlots.increment(rule);
  }

  /** Counts a request with a setting that Weir does not understand. */
  countConfigurationFault(fault: ConfigurationFault): void {
    this.#configurationFaults.count(fault);
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
      latency = new LatencyTally();
      this.#latencies.set(question, latency);
    }
    latency.observe(seconds, calls);
  }

  /** Counts of the descriptors of a rule. undefined: there are too many rules to count this one under its name. */
  descriptorCounts(name: string): DescriptorCounts | undefined {
    const isCountable = this.#rules.size < MAX_RULES && name.length <= MAX_RULE_NAME_LENGTH;
    const counts = this.#rules.get(name) ?? (isCountable ? { ok: 0, overLimit: 0 } : undefined);
    return counts && { ...counts };
  }

  /** Checks that a rule of the domain `edge` rejected. undefined: too many limits reject to count this one by name. */
  rejectedChecks(rule: string): number | undefined {
    return rule.length > MAX_RULE_NAME_LENGTH ? undefined : this.#checkRefusals.get('', rule);
  }

  /** The verdicts that a rule in shadow mode would have given. */
  shadowCountsOf(rule: string): UnenforcedCounts {
    return toUnenforcedCounts(this.#shadows, rule);
  }

  /** The verdicts that the candidate of a rule would have given. */
  candidateCountsOf(rule: string): UnenforcedCounts {
    return toUnenforcedCounts(this.#candidates, rule);
  }

  *decisionCounts(): Iterable<DecisionCount> {
    for (const [question, byVerdict] of this.#decisions)
      for (const [verdict, bySource] of byVerdict)
        for (const [source, count] of bySource) yield { question, verdict, source, count };
  }

  *refusedCredentialCounts(): Iterable<FaultCount> {
    for (const [fault, count] of this.#refusedCredentials) yield { fault, count };
  }

  *checkRefusalCounts(): Iterable<{ readonly plan: string; readonly limit: string; readonly count: number }> {
    for (const [plan, limit, count] of this.#checkRefusals.entries()) yield { plan, limit, count };
  }

  *rejectedTokenCounts(): Iterable<FaultCount> {
    for (const [fault, count] of this.#rejectedTokens) yield { fault, count };
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

  forgottenUsageCounts(): Iterable<{ readonly rule: string; readonly count: number }> {
    return this.#forgottenUsage.entries();
  }

  unenforcedSlotCounts(): Iterable<{ readonly rule: string; readonly count: number }> {
    return this.#unenforcedSlots.entries();
  }

  configurationFaultCounts(): Iterable<ConfigurationFaultCount> {
    return this.#configurationFaults.counts();
  }

  *receiptCounts(): Iterable<ReceiptCount> {
    for (const [use, result, count] of this.#receipts.entries()) yield { use, result, count };
  }

  latencies(): ReadonlyMap<QuestionKind, LatencyTally> {
    return this.#latencies;
  }
}

/** Counts by rule, and calls a listener at the first count of each rule. */
class WarnedCounts {
  readonly #counts = new Map<string, number>();
  readonly #onFirst: (rule: string) => void;

  constructor(onFirst: (rule: string) => void) {
    this.#onFirst = onFirst;
  }

  increment(rule: string): void {
    const count = this.#counts.get(rule);
    const name = count === undefined && this.#counts.size >= MAX_RULES ? OTHER_RULES : rule;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    if (count === undefined && name === rule) this.#onFirst(rule);
  }

  *entries(): Iterable<{ readonly rule: string; readonly count: number }> {
    for (const [rule, count] of this.#counts) yield { rule, count };
  }
}

function toUnenforcedCounts(counts: PairCounts, rule: string): UnenforcedCounts {
  const read = (verdict: string) => counts.get(rule, verdict) ?? 0;
  return { ok: read('ok'), wouldDeny: read('would_deny'), unavailable: read('unavailable') };
}
