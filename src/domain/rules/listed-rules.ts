import type { TruncatedList } from './explain-match.ts';
import type { PatternEntry } from './find-dead-rules.ts';
import type { Rule } from './rule.ts';
import type { RulesState } from './rules-state.ts';

/** The page of rules to list. */
export interface RulesQuestion {
  /** undefined: all domains. */
  readonly domain: string | undefined;
  /** Number of rules that come before the page. */
  readonly offset: number;
  /** Largest number of rules of the page. */
  readonly size: number;
  /** The version of the rules that `offset` belongs to; undefined: that of the rules in force. */
  readonly version: string | undefined;
}

/** Lists rules. Throws `invalid` for `page_token` if rules of another version are in force. */
export type ListRules = (question: RulesQuestion) => Promise<RulePage>;

export interface RulePage {
  readonly rules: readonly ListedRule[];
  readonly state: Omit<RulesState, 'files'>;
  readonly files: TruncatedList;
  readonly domains: TruncatedList;
  /** When the counts started. */
  readonly countStartTime: Date;
}

export interface ListedRule extends Pick<Rule, 'path' | 'limits' | 'candidate'> {
  readonly domain: string;
  readonly entries: readonly PatternEntry[];
  readonly isShadow: boolean;
  readonly isQuota: boolean;
  readonly replaces: readonly string[];
  readonly counts: RuleCounts;
}

/** The counts of a rule. undefined: not counted by rule. */
export interface RuleCounts {
  /** Descriptors of the rate limit service. */
  readonly descriptors: DescriptorCounts | undefined;
  readonly rejectedChecks: number | undefined;
  readonly shadow: UnenforcedCounts | undefined;
  readonly candidate: UnenforcedCounts | undefined;
}

export interface DescriptorCounts {
  readonly ok: number;
  readonly overLimit: number;
}

/** Verdicts that were reported and not enforced. */
export interface UnenforcedCounts {
  readonly ok: number;
  readonly wouldDeny: number;
  readonly unavailable: number;
}
