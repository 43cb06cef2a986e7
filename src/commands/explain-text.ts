import type { Entry } from '../domain/descriptor.ts';
import { formatLimit } from '../domain/limits/format-limit.ts';
import type { Listed, MatchExplanation, MatchStep } from '../domain/rules/explain-match.ts';

const WAYS = { exact: 'by its value', wildcard: 'by a value with *', key: 'by its key alone' } as const;

/** What people are told of one descriptor, in lines. */
export function explanationLines(
  domain: string,
  entries: readonly Entry[],
  explanation: MatchExplanation,
): readonly string[] {
  const lines = [`${domain}: ${entriesText(entries)}`];
  for (const [place, step] of explanation.steps.entries()) lines.push(...stepLines(place + 1, step));
  return [...lines, ...ruleLines(domain, entries, explanation)];
}

export function entriesText(entries: readonly Entry[]): string {
  return entries.map(({ key, value }) => `${key}=${value}`).join(', ');
}

function stepLines(number: number, { entry, taken, passedOver, otherValues, otherKeys }: MatchStep): string[] {
  const begin = `  ${number}. ${entriesText([entry])}`;
  const lines = [taken === undefined ? `${begin}: nothing fits` : `${begin}: ${WAYS[taken.way]}, ${taken.path}`];
  if (passedOver.first.length > 0) lines.push(`     would fit, but that comes first: ${listText(passedOver)}`);
  if (otherValues.first.length > 0) lines.push(`     do not fit, for their value: ${listText(otherValues)}`);
  if (otherKeys.first.length > 0) lines.push(`     other keys at this level: ${listText(otherKeys)}`);
  return lines;
}

function ruleLines(
  domain: string,
  entries: readonly Entry[],
  { isDomainKnown, steps, rule, onTheWay, keysBelow }: MatchExplanation,
): string[] {
  if (rule !== undefined) {
    const notes = [
      ...(rule.isShadow === true ? ['in shadow mode: it refuses nothing'] : []),
      ...(rule.isQuota === true ? ['in quota mode: it refuses only where all such rules do'] : []),
      ...(rule.candidate === undefined ? [] : [`tries ${formatLimit(rule.candidate)}`]),
      ...(rule.replaces === undefined ? [] : [`replaces the limits named ${rule.replaces.join(', ')}`]),
    ];
    const name = [`rule ${rule.path}`, ...notes].join('; ');
    return [`  ${name}`, ...rule.limits.map((limit) => `     ${formatLimit(limit)}`)];
  }
  const lines = ['  no rule, so nothing limits it'];
  if (!isDomainKnown) lines.push(`     there is no domain ${domain}`);
  if (steps.length < entries.length && isDomainKnown) {
    lines.push(`     the way ended at entry ${steps.length} of ${entries.length}`);
  }
  if (onTheWay.length > 0) lines.push(`     for fewer entries there is ${onTheWay.join(', ')}`);
  if (keysBelow.first.length > 0) lines.push(`     needs another entry, of one of the keys ${listText(keysBelow)}`);
  return lines;
}

function listText({ first, omitted }: Listed): string {
  return omitted === 0 ? first.join(', ') : `${first.join(', ')} and ${omitted} more`;
}
