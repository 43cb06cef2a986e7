/** Counters of one rule, or of the catalog. */
export interface RuleFill {
  /** Domain and keys of the rule, such as `edge.remote_address.device`, or CATALOG. */
  readonly rule: string;
  readonly counters: number;
}

/** How full a store of counters is. */
export interface StoreFill {
  /** Part of the room that is taken, 0 to 1. undefined: the room has no known bound. */
  readonly ratio: number | undefined;
  /** Keys that the store has dropped for lack of room since its start. undefined: it never does. */
  readonly evicted?: number;
  /** The rules with the most counters first. In Redis, numbers are estimates from a sample. */
  readonly byRule: readonly RuleFill[];
}

/** Stands for the counters of API keys, accounts and tokens. */
export const CATALOG = 'catalog';
/** Stands for the rules that are too many to list. */
export const OTHER_RULES = 'other rules';

/** Sorts rules by their counters. Sums up the smallest, so that at most `maxRules` are left. */
export function listLargest(counts: Iterable<readonly [rule: string, counters: number]>, maxRules: number): RuleFill[] {
  const sorted = Array.from(counts, ([rule, counters]) => ({ rule, counters }));
  sorted.sort((one, other) => other.counters - one.counters);
  const rest = sorted.splice(maxRules - 1);
  if (rest.length <= 1) return [...sorted, ...rest];
  return [...sorted, { rule: OTHER_RULES, counters: rest.reduce((sum, { counters }) => sum + counters, 0) }];
}
