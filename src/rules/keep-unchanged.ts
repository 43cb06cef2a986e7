import { isDeepStrictEqual } from 'node:util';
import type { Rule, RuleBook, RuleNode } from '../core/rules.ts';

/**
 * Puts the rules and limits of an earlier book into a later one where they are the same, before that is used. What is
 * known of a limit, such as who was just refused and which slices of it were taken, is kept by the object.
 */
export function keepUnchanged(before: RuleBook, after: RuleBook): void {
  for (const [domain, node] of after) keepInNode(before.get(domain), node);
}

function keepInNode(before: RuleNode | undefined, after: RuleNode): void {
  if (before === undefined) return;
  after.rule = kept(before.rule, after.rule);
  for (const [key, rules] of after.byKey) {
    const earlier = before.byKey.get(key);
    // Wildcards lead to the same nodes.
    for (const [value, node] of rules.exact) keepInNode(earlier?.exact.get(value), node);
    if (rules.anyValue !== undefined) keepInNode(earlier?.anyValue, rules.anyValue);
  }
}

function kept(before: Rule | undefined, after: Rule | undefined): Rule | undefined {
  if (before === undefined || after === undefined) return after;
  if (isDeepStrictEqual(before, after)) return before;
  const limits = after.limits.map((limit) => before.limits.find((other) => isDeepStrictEqual(other, limit)) ?? limit);
  return { ...after, limits };
}
