import type { ListedRule, RulePage, UnenforcedCounts } from '../../domain/rules/listed-rules.ts';

/**
 * Adds the counts of other workers to a page of rules. Leaves out a page of a worker that has another version of the rules,
 * as it is for a moment when they are reloaded.
 */
export function mergeRulePages(page: RulePage, others: readonly RulePage[]): RulePage {
  const same = others.filter(({ state }) => state.version === page.state.version);
  const startTimes = [page, ...same].map(({ countStartTime }) => countStartTime.getTime());
  return {
    ...page,
    rules: page.rules.map((rule, index) => same.reduce((sum, { rules }) => addCounts(sum, rules[index]), rule)),
    countStartTime: new Date(Math.max(...startTimes)),
  };
}

function addCounts(rule: ListedRule, other: ListedRule | undefined): ListedRule {
  if (other === undefined) return rule;
  const [one, more] = [rule.counts, other.counts];
  return {
    ...rule,
    counts: {
      descriptors: addKnown(one.descriptors, more.descriptors, (left, right) => ({
        ok: left.ok + right.ok,
        overLimit: left.overLimit + right.overLimit,
      })),
      rejectedChecks: addKnown(one.rejectedChecks, more.rejectedChecks, (left, right) => left + right),
      shadow: addKnown(one.shadow, more.shadow, addUnenforced),
      candidate: addKnown(one.candidate, more.candidate, addUnenforced),
    },
  };
}

/** undefined if one of both is not known: the sum would be too low. */
function addKnown<T>(one: T | undefined, other: T | undefined, add: (one: T, other: T) => T): T | undefined {
  return one === undefined || other === undefined ? undefined : add(one, other);
}

function addUnenforced(one: UnenforcedCounts, other: UnenforcedCounts): UnenforcedCounts {
  return {
    ok: one.ok + other.ok,
    wouldDeny: one.wouldDeny + other.wouldDeny,
    unavailable: one.unavailable + other.unavailable,
  };
}
