import type { Limit } from '../domain/limits/limit.ts';
import type { Rule } from '../domain/rules/rule.ts';
import type { RuleBook, RuleNode } from '../domain/rules/rule-book.ts';

/**
 * Lists all rules, one line for each limit, in the form of `/rlconfig` of envoyproxy/ratelimit (`dump` in its
 * src/config/config_impl.go). Its order is by chance; here it is that of the files.
 */
export function dumpRuleBook(book: RuleBook): string {
  let text = '';
  for (const root of book.values()) text += dumpNode(root);
  return text;
}

function dumpNode({ rule, byKey }: RuleNode): string {
  let text = rule === undefined ? '' : rule.limits.map((limit) => dumpLimit(rule, limit)).join('');
  for (const { exact, anyValue } of byKey?.values() ?? []) {
    for (const child of exact?.values() ?? []) text += dumpNode(child);
    if (anyValue !== undefined) text += dumpNode(anyValue);
  }
  return text;
}

function dumpLimit({ path, isShadow, reportsOnly, isQuota }: Rule, limit: Limit): string {
  const requests = 'requests' in limit ? limit.requests : 0;
  const modes = `shadow_mode: ${(isShadow ?? reportsOnly) === true}, quota_mode: ${isQuota === true}`;
  return `${path}: unit=${describeUnit(limit)} requests_per_unit=${requests}, ${modes}\n`;
}

const UNITS: ReadonlyMap<number, string> = new Map([
  [1, 'SECOND'],
  [60, 'MINUTE'],
  [3600, 'HOUR'],
  [86_400, 'DAY'],
  [7 * 86_400, 'WEEK'],
  [30 * 86_400, 'MONTH'],
  [365 * 86_400, 'YEAR'],
]);

/** Formats other windows in seconds. */
function describeUnit(limit: Limit): string {
  if (!('windowSeconds' in limit)) return 'UNKNOWN';
  return UNITS.get(limit.windowSeconds) ?? `${limit.windowSeconds}s`;
}
