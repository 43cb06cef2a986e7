import { setImmediate as nextTurn } from 'node:timers/promises';
import { invalidArgument } from '../../domain/api-error.ts';
import { truncate } from '../../domain/rules/explain-match.ts';
import type {
  DescriptorCounts,
  ListedRule,
  ListRules,
  RuleCounts,
  UnenforcedCounts,
} from '../../domain/rules/listed-rules.ts';
import { type LocatedRule, locateRules } from '../../domain/rules/locate-rules.ts';
import { ADMIN_DOMAIN, EDGE_DOMAIN } from '../../domain/rules/reserved-domains.ts';
import { ruleMetricName } from '../../domain/rules/rule.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { RulesState } from '../../domain/rules/rules-state.ts';

/** Counts by rule since the start. */
export interface RuleTally {
  readonly startTime: Date;
  /** Counts by the name that metrics give a rule. undefined: not counted under this name. */
  descriptorCounts(metricName: string): DescriptorCounts | undefined;
  /** Checks that a rule rejected. undefined: not counted under this path. */
  rejectedChecks(path: string): number | undefined;
  shadowCountsOf(path: string): UnenforcedCounts;
  candidateCountsOf(path: string): UnenforcedCounts;
}

/** Passing over rules takes some 0.1 ms for so many. Decisions are made in between. */
const RULES_PER_TURN = 1_000;
/** Of the files, and of the domains. */
const MAX_LISTED_NAMES = 1_000;

/** Creates the function that lists the rules in force. */
export function createRuleLister(
  rules: { readonly book: RuleBook; readonly state: RulesState },
  tally: RuleTally,
): ListRules {
  return async ({ domain, offset, size, version }) => {
    const { book, state } = rules;
    if (version !== undefined && version !== state.version) throw staleToken();
    const listed: ListedRule[] = [];
    let index = 0;
    for (const located of locateRules(domain === undefined ? book : selectDomain(book, domain))) {
      if (index >= offset) listed.push(listRule(located, tally));
      if (listed.length === size) break;
      index += 1;
      if (index % RULES_PER_TURN === 0) await nextTurn();
    }
    const { files, ...rest } = state;
    return {
      rules: listed,
      state: rest,
      files: truncate(files, MAX_LISTED_NAMES),
      domains: truncate([...book.keys()], MAX_LISTED_NAMES),
      countStartTime: tally.startTime,
    };
  };
}

function staleToken(): Error {
  return invalidArgument({
    field: 'page_token',
    description: 'must be of the rules in force: they were reloaded since; list again from the first page',
  });
}

function selectDomain(book: RuleBook, domain: string): RuleBook {
  const root = book.get(domain);
  return new Map(root === undefined ? [] : [[domain, root]]);
}

function listRule(located: LocatedRule, tally: RuleTally): ListedRule {
  const { domain, pattern: entries, rule } = located;
  const { path, limits, candidate, isShadow, reportsOnly, isQuota, replaces = [] } = rule;
  return {
    domain,
    entries,
    path,
    limits,
    ...(candidate !== undefined && { candidate }),
    isShadow: isShadow === true || reportsOnly === true,
    isQuota: isQuota === true,
    replaces,
    counts: readCounts(located, tally),
  };
}

function readCounts({ domain, pattern, rule }: LocatedRule, tally: RuleTally): RuleCounts {
  const { path, metricParts, isShadow, candidate } = rule;
  // Metrics count requests of the admin API by method, and rules whose name has sent values by these.
  const isCounted = domain !== ADMIN_DOMAIN && metricParts?.includes(undefined) !== true;
  const metricName = () =>
    ruleMetricName(
      rule,
      domain,
      pattern.map(({ key, value = '' }) => ({ key, value })),
    );
  return {
    descriptors: isCounted ? tally.descriptorCounts(metricName()) : undefined,
    rejectedChecks: domain === EDGE_DOMAIN ? tally.rejectedChecks(path) : undefined,
    shadow: isShadow === true ? tally.shadowCountsOf(path) : undefined,
    candidate: candidate === undefined ? undefined : tally.candidateCountsOf(path),
  };
}
