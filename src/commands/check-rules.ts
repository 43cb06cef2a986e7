import { parseArgs } from 'node:util';
import { formatLimit } from '../domain/limits/format-limit.ts';
import { compareRules, keepsCounters, type LimitChange, type RuleChange } from '../domain/rules/compare-rules.ts';
import type { Rule } from '../domain/rules/rule-book.ts';
import { InvalidRules, loadRules } from '../rules/load/load-rules.ts';
import type { RulesFault } from '../rules/yaml/rules-fault.ts';

/**
 * `weir check-rules PATH [--against OLD]`: that there are no faults, and with OLD what changes from there. The text to
 * print; undefined where the command line is not understood. Throws InvalidRules with the faults of both.
 */
export async function checkRules(operands: readonly string[]): Promise<string | undefined> {
  const asked = readAsked(operands);
  if (asked === undefined) return undefined;
  const { place, against } = asked;
  const places = against === undefined ? [place] : [place, against];
  const read = await Promise.allSettled(places.map(loadRules));
  const faults = read.flatMap((each): readonly RulesFault[] => {
    if (each.status === 'fulfilled') return [];
    if (each.reason instanceof InvalidRules) return each.reason.faults;
    throw each.reason;
  });
  if (faults.length > 0) throw new InvalidRules(faults);
  const [book, old] = read.map((each) => (each.status === 'fulfilled' ? each.value : undefined));
  const size = book?.size ?? 0;
  const summary = `${place}: ${size} ${size === 1 ? 'domain' : 'domains'}, no faults\n`;
  if (book === undefined || old === undefined) return summary;
  const changes = compareRules(old, book);
  const lines = changes.length === 0 ? ['nothing changes'] : changes.flatMap(changeLines);
  return `${summary}${lines.join('\n')}\n`;
}

function readAsked(operands: readonly string[]): { place: string; against: string | undefined } | undefined {
  try {
    const options = { against: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args: [...operands], options, allowPositionals: true });
    const [place, ...rest] = positionals;
    return place === undefined || rest.length > 0 ? undefined : { place, against: values.against };
  } catch {
    return undefined; // an option that there is not
  }
}

function changeLines(change: RuleChange): readonly string[] {
  switch (change.kind) {
    case 'added':
      return [
        `+ ${change.rule.path}${insteadText('counted before by', change.other)}`,
        ...limitLines(change.rule, change.other),
      ];
    case 'removed':
      return [
        `- ${change.rule.path}${insteadText('counted from now on by', change.other)}`,
        ...limitLines(change.rule),
      ];
    case 'rematched':
      return [
        `~ ${change.domain}: match: ${change.isMostSpecific ? 'most_specific, which it was not' : 'not most_specific any more'}`,
      ];
    case 'reordered':
      return [`~ ${change.path}: of several values that fit, the first of ${change.values.join(', ')} counts`];
    case 'changed':
      return [
        `~ ${change.rule.path}`,
        ...change.limits.flatMap(limitChangeLines),
        ...flagLines(change.before, change.rule),
      ];
  }
}

const GOES_ON = ': its counters go on';

function insteadText(said: string, other: Rule | undefined): string {
  return other === undefined ? '' : ` (${said} ${other.path})`;
}

/** `before`: the rule that had the requests of an added one. */
function limitLines(rule: Rule, before?: Rule): readonly string[] {
  return rule.limits.map((limit) => {
    const isKept = before !== undefined && keepsCounters(before, rule, limit);
    return `    ${formatLimit(limit)}${isKept ? GOES_ON : ''}`;
  });
}

function limitChangeLines({ before, after, keepsCounters }: LimitChange): readonly string[] {
  if (before === undefined) return after === undefined ? [] : [`    + ${formatLimit(after)}`];
  if (after === undefined) return [`    - ${formatLimit(before)}`];
  return [
    `    - ${formatLimit(before)}`,
    `    + ${formatLimit(after)}${keepsCounters ? GOES_ON : ': its counters begin anew'}`,
  ];
}

/** What a rule says beside its limits. */
function flagLines(before: Rule, after: Rule): readonly string[] {
  const said = ({ isShadow, isQuota, replaces, sharedValues, ...others }: Rule): readonly string[] => [
    `shadow_mode: ${isShadow === true}`,
    `quota_mode: ${isQuota === true}`,
    `candidate: ${others.candidate === undefined ? 'none' : formatLimit(others.candidate)}`,
    `metadata: ${JSON.stringify(others.metadata ?? {})}`,
    `metrics_with_values: ${others.metricParts?.some((part) => part === undefined) === true}`,
    `replaces: [${replaces?.join(', ') ?? ''}]`,
    `share_threshold: ${sharedValues?.some((value) => value !== undefined) === true}`,
  ];
  const now = said(after);
  return said(before).flatMap((text, place) => {
    const other = now[place] ?? '';
    return text === other ? [] : [`    ${text} → ${other.slice(other.indexOf(' ') + 1)}`];
  });
}
