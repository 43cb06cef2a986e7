import type { Rule } from './rule.ts';
import type { RuleBook, RuleNode } from './rule-book.ts';

/** Yields every rule of a book. */
export function* rulesOfBook(book: RuleBook): Generator<Rule> {
  for (const domain of book.values()) yield* rulesBelow(domain);
}

function* rulesBelow({ rule, byKey }: RuleNode): Generator<Rule> {
  if (rule !== undefined) yield rule;
  for (const { exact, anyValue } of byKey?.values() ?? []) {
    for (const child of exact?.values() ?? []) yield* rulesBelow(child);
    if (anyValue !== undefined) yield* rulesBelow(anyValue);
  }
}
