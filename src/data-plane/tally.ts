import type { DecisionMethod } from './decision-methods.ts';

type Question = DecisionMethod['question'];

/** Counts decisions for the metrics. It is called for every decision, so implementations must be cheap. */
export interface Tally {
  /** Counts one answered question, by the verdict and the source that it was given. */
  count(question: Question, verdict: string, source: string): void;
  /** Records the time from arrival to answer, in seconds, of `calls` calls. */
  observe(question: Question, seconds: number, calls: number): void;
  /** Counts a Check that was denied for a malformed or unknown credential, by what is wrong with it. */
  countRefusedCredential(fault: string): void;
  /** Counts what a rule in shadow mode would have decided. */
  countShadow(rule: string, verdict: string): void;
  /** Counts what became of a receipt. */
  countReceipt(use: string, result: string): void;
  /** Counts what the candidate of a rule would have decided. */
  countCandidate(rule: string, verdict: string): void;
  /** Counts a rejected report of usage that a rule forgets. */
  countForgottenUsage(rule: string): void;
  /** Counts a descriptor that a rule matched. */
  countRule(name: string, overLimit: boolean): void;
}
