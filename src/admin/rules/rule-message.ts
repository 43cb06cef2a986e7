import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { TruncatedList } from '../../domain/rules/explain-match.ts';
import type { ListedRule, RulePage, UnenforcedCounts } from '../../domain/rules/listed-rules.ts';
import { Rule, RuleCounts, RuleCounts_Unenforced, RulesState } from '../../generated/weir/admin/v1/rule_service.ts';
import { toLimitMessage } from '../fields/limits-and-features.ts';

export function toRuleMessage(rule: ListedRule): Rule {
  const { domain, entries, path, limits, candidate, isShadow, isQuota, replaces, counts } = rule;
  return Rule.fromPartial({
    domain,
    entries: entries.map(({ key, value = '' }) => ({ key, value })),
    path,
    limits: limits.map((limit) => toLimitMessage(toPlanLimitSpec(limit))),
    shadowMode: isShadow,
    quotaMode: isQuota,
    candidate: candidate && toLimitMessage(toPlanLimitSpec(candidate)),
    replaces: [...replaces],
    counts: toCountsMessage(counts),
  });
}

function toCountsMessage({ descriptors, rejectedChecks, shadow, candidate }: ListedRule['counts']): RuleCounts {
  return RuleCounts.fromPartial({
    ok: descriptors?.ok,
    overLimit: descriptors?.overLimit,
    rejectedChecks,
    shadow: shadow && toUnenforcedMessage(shadow),
    candidate: candidate && toUnenforcedMessage(candidate),
  });
}

function toUnenforcedMessage(counts: UnenforcedCounts): RuleCounts_Unenforced {
  return RuleCounts_Unenforced.fromPartial(counts);
}

export function toRulesStateMessage(
  { version, loadTime, failure }: RulePage['state'],
  files: TruncatedList,
  domains: TruncatedList,
): RulesState {
  return RulesState.fromPartial({
    files: [...files.first],
    omittedFiles: files.omitted,
    version,
    loadTime,
    domains: [...domains.first],
    omittedDomains: domains.omitted,
    faults: failure?.faults.map((fault) => ({ ...fault })) ?? [],
    omittedFaults: failure?.omittedFaults ?? 0,
    failTime: failure?.time,
  });
}
