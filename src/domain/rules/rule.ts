import type { DescriptorEntry } from '../descriptor.ts';
import type { CountedLimit, Limit } from '../limits/limit.ts';
import type { LimitName } from '../limits/limit-status.ts';
import type { Metadata } from '../metadata.ts';

/** A descriptor pattern and its limits. */
export interface Rule {
  /**
   * Domain and keys down to the rule, such as `edge.path_/login.remote_address`. Responses and logs name the rule so.
   */
  readonly path: string;
  readonly limits: readonly Limit[];
  /**
   * The rule rejects nothing. Its limits are charged for requests that all other limits grant; Weir reports what it
   * would have rejected.
   */
  readonly isShadow?: true;
  /**
   * The rule's limits reject a request only when the limits of every matched quota rule do. The descriptor status
   * reports them.
   */
  readonly isQuota?: true;
  /**
   * The rule rejects nothing, but is charged and reports its state with every answer, as a rule in shadow mode does in
   * envoyproxy/ratelimit. Never with `isShadow` or `isQuota`.
   */
  readonly reportsOnly?: true;
  /**
   * The rule in shadow or quota mode is charged and reports its state for requests that other limits reject, too. Left out:
   * it is charged for them only what `charge_rejected` says.
   */
  readonly isIndependent?: true;
  /** Evaluated alongside the limits for granted requests; reported, never enforced. */
  readonly candidate?: CountedLimit;
  /** Added to the response when the rule lets the request pass. */
  readonly metadata?: Metadata;
  /**
   * Parts of the name that metrics give the rule, by index of the entry. undefined at an index: key and sent value.
   * Left out: metrics use `path`.
   */
  readonly metricParts?: readonly (string | undefined)[];
  /** Names of limits in this domain that a request is not charged when it also matches this rule. */
  readonly replaces?: readonly string[];
  /**
   * The wildcard that is counted in place of the value, by index of the entry: all matching values share the limit.
   * undefined at an index: the value itself is counted.
   */
  readonly sharedValues?: readonly (string | undefined)[];
}

/**
 * Names one of the rule's limits: by the rule's path, followed by the limit's name when the rule has several limits.
 */
export function ruleLimitName({ path, limits }: Rule, limitName: string): LimitName {
  return { rule: path, label: limits.length === 1 ? path : `${path}/${limitName}` };
}

/** The entries that name the rule's counters: as sent, but with the wildcard where matching values share a limit. */
export function countedEntries(
  { sharedValues }: Rule,
  entries: readonly DescriptorEntry[],
): readonly DescriptorEntry[] {
  if (sharedValues === undefined) return entries;
  return entries.map(({ key, value }, index) => ({ key, value: sharedValues[index] ?? value }));
}

/** The name that metrics give the rule for a descriptor that matched it. */
export function ruleMetricName(
  { path, metricParts }: Rule,
  domain: string,
  entries: readonly DescriptorEntry[],
): string {
  if (metricParts === undefined) return path;
  let name = domain;
  for (const [index, { key, value }] of entries.entries()) name += `.${metricParts[index] ?? `${key}_${value}`}`;
  return name;
}
