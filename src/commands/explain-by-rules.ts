import { explainMatch, type MatchExplanation, type MatchStep } from '../domain/rules/explain-match.ts';
import { loadRules } from '../rules/load/load-rules.ts';
import type { RulesFolderOptions } from '../rules/load/rules-folder.ts';
import { explanationLines } from './format-match.ts';
import type { DescriptorQuestion } from './parse-descriptor.ts';

/**
 * `weir explain PATH DOMAIN KEY=VALUE…`: explains by the rules files alone which rule each descriptor has. Returns the text
 * to print. Throws InvalidRules.
 */
export async function explainByRules(
  path: string,
  { domain, descriptors }: DescriptorQuestion,
  isJson: boolean,
  readRulesFolder: () => RulesFolderOptions,
): Promise<string> {
  const book = await loadRules(path, readRulesFolder());
  const explained = descriptors.map((entries) => ({ entries, explanation: explainMatch(book, domain, entries) }));
  if (isJson) {
    const json = explained.map(({ entries, explanation }) => ({ entries, ...explanationJson(explanation) }));
    return `${JSON.stringify({ domain, descriptors: json }, undefined, 2)}\n`;
  }
  const lines = explained.flatMap(({ entries, explanation }) => explanationLines(domain, entries, explanation));
  return `${lines.join('\n')}\n`;
}

/** The JSON form of an explanation. Programs read it, so its names stay as they are whatever the types are called. */
function explanationJson({ isDomainKnown, steps, rule, rulesOnPath, nextKeys }: MatchExplanation) {
  return { isDomainKnown, steps: steps.map(stepJson), rule, onTheWay: rulesOnPath, keysBelow: nextKeys };
}

function stepJson({ entry, match, alsoMatching, otherValues, otherKeys }: MatchStep) {
  const taken = match && { way: match.kind, path: match.path };
  return { entry, taken, passedOver: alsoMatching, otherValues, otherKeys };
}
