import { formatLimit } from '../domain/limits/limit-spec.ts';
import { compareRules, keepsCounters, type LimitChange, type RuleChange } from '../domain/rules/compare-rules.ts';
import type { Rule } from '../domain/rules/rule.ts';
import type { RuleBook } from '../domain/rules/rule-book.ts';
import { type CheckedRules, InvalidRules, loadCheckedRules } from '../rules/load/load-rules.ts';
import { formatPassedOver, listPassedOver, type RulesFolderOptions } from '../rules/load/rules-folder.ts';
import { formatFault, type RulesFault } from '../rules/yaml/rules-fault.ts';
import { CommandFailed } from './command-failed.ts';

export interface CheckRulesOptions {
  /** Rules to compare with; undefined: nothing is compared. */
  readonly against?: string | undefined;
  /** Fails if there are warnings. */
  readonly strict?: boolean | undefined;
}

/**
 * `weir check-rules PATH [--against OLD] [--strict]`: checks the rules and, with OLD, compares them. Lists what has no
 * effect, and what the folder PATH has that is not read. Returns the text to print. Throws InvalidRules with the faults
 * of both, and, if strict, CommandFailed with the text to print if there are warnings.
 */
export async function checkRules(
  path: string,
  { against, strict = false }: CheckRulesOptions,
  readRulesFolder: () => RulesFolderOptions,
): Promise<string> {
  const options = readRulesFolder();
  const [checked, old] = await loadAll(against === undefined ? [path] : [path, against], options);
  if (checked === undefined) throw new Error('loading rules gave neither rules nor faults');
  const { book, warnings } = checked;
  const passedOver = await listPassedOver(path, options);
  const lines = [
    `${path}: ${countNoun(book.size, 'domain')}, no faults${warnings.length === 0 ? '' : `, ${countNoun(warnings.length, 'warning')}`}`,
    ...warnings.map((warning) => formatFault({ ...warning, description: `warning: ${warning.description}` })),
    ...(passedOver.length === 0 ? [] : [formatPassedOver(passedOver)]),
    ...(old === undefined ? [] : comparisonLines(old.book, book)),
  ];
  if (strict && warnings.length > 0) throw new CommandFailed(lines.join('\n'));
  return `${lines.join('\n')}\n`;
}

function countNoun(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function comparisonLines(old: RuleBook, book: RuleBook): readonly string[] {
  const changes = compareRules(old, book);
  return changes.length === 0 ? ['nothing changes'] : changes.flatMap(changeLines);
}

/** Loads each path, so that the faults of all of them are reported at once. */
async function loadAll(paths: readonly string[], options: RulesFolderOptions): Promise<readonly CheckedRules[]> {
  const loaded = await Promise.allSettled(paths.map((path) => loadCheckedRules(path, options)));
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
