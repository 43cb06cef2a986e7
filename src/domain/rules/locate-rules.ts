import type { PatternEntry } from './find-dead-rules.ts';
import type { Rule } from './rule.ts';
import type { RuleBook, RuleNode } from './rule-book.ts';

/** A rule with its pattern: the entries from the top of the domain down to it. */
export interface LocatedRule {
  readonly rule: Rule;
  readonly domain: string;
  readonly pattern: readonly PatternEntry[];
}

/** Yields every rule of a book with its pattern, in the order of the files. A rule comes before those below it. */
export function* locateRules(book: RuleBook): Generator<LocatedRule, void> {
  for (const [domain, root] of book) yield* locateBelow(root, domain, []);
}

function* locateBelow(
  { rule, byKey }: RuleNode,
  domain: string,
  pattern: LocatedRule['pattern'],
): Generator<LocatedRule, void> {
  if (rule !== undefined) yield { rule, domain, pattern };
  for (const [key, { exact, anyValue }] of byKey ?? []) {
    for (const [value, child] of exact ?? []) yield* locateBelow(child, domain, [...pattern, { key, value }]);
    if (anyValue !== undefined) yield* locateBelow(anyValue, domain, [...pattern, { key, value: undefined }]);
  }
}
