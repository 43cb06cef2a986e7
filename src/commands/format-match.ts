import type { DescriptorEntry } from '../domain/descriptor.ts';
import { formatLimit } from '../domain/limits/limit-spec.ts';
import type { MatchExplanation, MatchStep, TruncatedList } from '../domain/rules/explain-match.ts';

const MATCH_TEXTS = {
  exact: 'by its value',
  network: 'by a network that contains it',
  wildcard: 'by a value with *',
  key: 'by its key alone',
} as const;

/** Formats the explanation of one descriptor as lines of text. */
export function explanationLines(
  domain: string,
  entries: readonly DescriptorEntry[],
  explanation: MatchExplanation,
): readonly string[] {
  const steps = explanation.steps.flatMap((step, index) => stepLines(index + 1, step));
  return [`${domain}: ${formatEntries(entries)}`, ...steps, ...ruleLines(domain, entries, explanation)];
}

function formatEntries(entries: readonly DescriptorEntry[]): string {
  return entries.map(({ key, value }) => `${key}=${value}`).join(', ');
}

function stepLines(number: number, { entry, match, alsoMatching, otherValues, otherKeys }: MatchStep): string[] {
  const begin = `  ${number}. ${formatEntries([entry])}`;
  const lines = [
    match === undefined ? `${begin}: nothing matches` : `${begin}: ${MATCH_TEXTS[match.kind]}, ${match.path}`,
  ];
  if (alsoMatching.first.length > 0) lines.push(`     also match, but come later: ${formatList(alsoMatching)}`);
  if (otherValues.first.length > 0) lines.push(`     have the key and another value: ${formatList(otherValues)}`);
  if (otherKeys.first.length > 0) lines.push(`     other keys at this level: ${formatList(otherKeys)}`);
  return lines;
}

function ruleLines(
  domain: string,
  entries: readonly DescriptorEntry[],
  { isDomainKnown, steps, rule, rulesOnPath, nextKeys }: MatchExplanation,
): string[] {
  if (rule !== undefined) {
    const notes = [
      ...(rule.isShadow === true ? ['in shadow mode: rejects nothing'] : []),
      ...(rule.isQuota === true ? ['in quota mode: rejects only if all rules in quota mode do'] : []),
      ...(rule.candidate === undefined ? [] : [`candidate ${formatLimit(rule.candidate)}`]),
      ...(rule.replaces === undefined ? [] : [`replaces the limits named ${rule.replaces.join(', ')}`]),
    ];
    const name = [`rule ${rule.path}`, ...notes].join('; ');
    return [`  ${name}`, ...rule.limits.map((limit) => `     ${formatLimit(limit)}`)];
  }
  const lines = ['  no rule, so no limit applies'];
  if (!isDomainKnown) lines.push(`     the domain ${domain} does not exist`);
  if (steps.length < entries.length && isDomainKnown) {
    lines.push(`     the search ended at entry ${steps.length} of ${entries.length}`);
  }
  if (rulesOnPath.length > 0) lines.push(`     rules for fewer entries: ${rulesOnPath.join(', ')}`);
  if (nextKeys.first.length > 0) lines.push(`     needs one more entry, with one of the keys ${formatList(nextKeys)}`);
  return lines;
}

function formatList({ first, omitted }: TruncatedList): string {
  return omitted === 0 ? first.join(', ') : `${first.join(', ')} and ${omitted} more`;
}
