import type { ConfigurationFault } from '../decide/check/configuration-fault.ts';
import type { DescriptorVerdict } from '../decide/rate-limit/rate-limit-verdict.ts';
import type { DecisionMethod } from './decision-methods.ts';

type Question = DecisionMethod['question'];

/** Counts hits by rule, as envoyproxy/ratelimit does. */
export interface HitTally {
  /** Counts the descriptors of one request. `isOverridden`: it is over its limits, and passes in shadow mode. */
  count(descriptors: readonly DescriptorVerdict[], isOverridden: boolean): void;
}

/** Counts decisions for the metrics. It is called for every decision, so implementations must be cheap. */
export interface Tally {
  /** Counts one answered question, by the verdict and the source that it was given. */
  count(question: Question, verdict: string, source: string): void;
  /** Records the time from arrival to answer, in seconds, of `calls` calls. */
  observe(question: Question, seconds: number, calls: number): void;
  /** Counts a Check that was denied for a malformed or unknown credential, by what is wrong with it. */
  countRefusedCredential(fault: string): void;
  /** Counts a limit that rejected a Check. `plan` is empty for a rule of the domain `edge`. */
  countCheckRefusal(plan: string, limit: string): void;
  /** Counts a token with a valid signature that was rejected for its claims. Leaves out repetitions within seconds. */
  countRejectedClaims(token: object, fault: string): void;
  /** Counts what a rule in shadow mode would have decided. */
  countShadow(rule: string, verdict: string): void;
  /** Counts what became of a receipt. */
  countReceipt(use: string, result: string): void;
  /** Counts what the candidate of a rule would have decided. */
  countCandidate(rule: string, verdict: string): void;
  /** Counts a rejected report of usage that a rule forgets. */
  countForgottenUsage(rule: string): void;
  /** Counts a `concurrency` limit of this rule or plan that Check did not enforce. */
  countUnenforcedSlots(rule: string): void;
  /** Counts a request with a setting that Weir does not understand, and logs it from time to time. */
  countConfigurationFault(fault: ConfigurationFault): void;
  /** Counts a descriptor that a rule matched. */
  countRule(name: string, overLimit: boolean): void;
}
