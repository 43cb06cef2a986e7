import { formatLimit } from '../domain/limits/limit-spec.ts';
import { compareRules, keepsCounters, type LimitChange, type RuleChange } from '../domain/rules/compare-rules.ts';
import type { Rule } from '../domain/rules/rule.ts';
import type { RuleBook } from '../domain/rules/rule-book.ts';
import { InvalidRules, loadRules } from '../rules/load/load-rules.ts';
import { formatPassedOver, listPassedOver, type RulesFolderOptions } from '../rules/load/rules-folder.ts';
import type { RulesFault } from '../rules/yaml/rules-fault.ts';

/**
 * `weir check-rules PATH [--against OLD]`: checks the rules and, with OLD, compares them. Lists what the folder PATH has
 * that is not read. Returns the text to print. Throws InvalidRules with the faults of both.
 */
export async function checkRules(
  path: string,
  oldPath: string | undefined,
  readRulesFolder: () => RulesFolderOptions,
): Promise<string> {
  const options = readRulesFolder();
  const [book, oldBook] = await loadAll(oldPath === undefined ? [path] : [path, oldPath], options);
  if (book === undefined) throw new Error('loading rules gave neither rules nor faults');
  const passedOver = await listPassedOver(path, options);
  const summary =
    `${path}: ${book.size} ${book.size === 1 ? 'domain' : 'domains'}, no faults\n` +
    (passedOver.length === 0 ? '' : `${formatPassedOver(passedOver)}\n`);
  if (oldBook === undefined) return summary;
  const changes = compareRules(oldBook, book);
  const lines = changes.length === 0 ? ['nothing changes'] : changes.flatMap(changeLines);
  return `${summary}${lines.join('\n')}\n`;
}

/** Loads each path, so that the faults of all of them are reported at once. */
async function loadAll(paths: readonly string[], options: RulesFolderOptions): Promise<readonly RuleBook[]> {
  const loaded = await Promise.allSettled(paths.map((path) => loadRules(path, options)));
  const faults = loaded.flatMap((result): readonly RulesFault[] => {
    if (result.status === 'fulfilled') return [];
    if (result.reason instanceof InvalidRules) return result.reason.faults;
    throw result.reason;
  });
  if (faults.length > 0) throw new InvalidRules(faults);
  return loaded.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

function changeLines(change: RuleChange): readonly string[] {
  switch (change.kind) {
    case 'added':
      return [
        `+ ${change.rule.path}${otherRuleText('previously matched by', change.otherMatch)}`,
        ...limitLines(change.rule, change.otherMatch),
      ];
    case 'removed':
      return [`- ${change.rule.path}${otherRuleText('now matched by', change.otherMatch)}`, ...limitLines(change.rule)];
    case 'rematched':
      return [`~ ${change.domain}: match: ${change.isMostSpecific ? 'now most_specific' : 'no longer most_specific'}`];
    case 'reordered':
      return [`~ ${change.path}: where several values match, the first of ${change.values.join(', ')} counts`];
    case 'changed':
      return [
        `~ ${change.rule.path}`,
        ...change.limits.flatMap(limitChangeLines),
        ...flagLines(change.before, change.rule),
      ];
  }
}

const COUNTERS_CONTINUE = ': counters continue';

function otherRuleText(text: string, other: Rule | undefined): string {
  return other === undefined ? '' : ` (${text} ${other.path})`;
}

/** `before` is the rule that matched the requests of an added rule so far. */
function limitLines(rule: Rule, before?: Rule): readonly string[] {
  return rule.limits.map((limit) => {
    const isKept = before !== undefined && keepsCounters(before, rule, limit);
    return `    ${formatLimit(limit)}${isKept ? COUNTERS_CONTINUE : ''}`;
  });
}

function limitChangeLines({ before, after, keepsCounters }: LimitChange): readonly string[] {
  if (before === undefined) return after === undefined ? [] : [`    + ${formatLimit(after)}`];
  if (after === undefined) return [`    - ${formatLimit(before)}`];
  return [
    `    - ${formatLimit(before)}`,
    `    + ${formatLimit(after)}${keepsCounters ? COUNTERS_CONTINUE : ': counters start at zero'}`,
  ];
}

/** Lists the settings of a rule, other than its limits, that changed. */
function flagLines(before: Rule, after: Rule): readonly string[] {
  const now = ruleSettings(after);
  return Object.entries(ruleSettings(before)).flatMap(([name, value]) => {
    const newValue = now[name];
    return newValue === value ? [] : [`    ${name}: ${value} → ${newValue}`];
  });
}

function ruleSettings(rule: Rule): Readonly<Record<string, string>> {
  return {
    shadow_mode: `${rule.isShadow === true}`,
    quota_mode: `${rule.isQuota === true}`,
    candidate: rule.candidate === undefined ? 'none' : formatLimit(rule.candidate),
    metadata: JSON.stringify(rule.metadata ?? {}),
    metrics_with_values: `${rule.metricParts?.some((part) => part === undefined) === true}`,
    replaces: `[${rule.replaces?.join(', ') ?? ''}]`,
    share_threshold: `${rule.sharedValues?.some((value) => value !== undefined) === true}`,
  };
}
