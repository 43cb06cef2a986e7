import type { Entry } from '../descriptor.ts';
import { matchMostSpecific } from './match-most-specific.ts';
import {
  type KeyRules,
  matchRule,
  nodeBelow,
  pathBelow,
  type Rule,
  type RuleBook,
  type RuleNode,
} from './rule-book.ts';
import { addWildcard, createWildcardValues, findWildcard } from './wildcard-values.ts';

/** By what an entry led one level down: the value as it is written, a value with `*`, or the key alone. */
export type MatchKind = 'exact' | 'wildcard' | 'key';

/** What became of one entry. Descriptors are named by their paths, as rules are. */
export interface MatchStep {
  readonly entry: Entry;
  /** undefined: nothing fits, and the way ends. */
  readonly taken: { readonly way: MatchKind; readonly path: string } | undefined;
  /** Would fit as well, but the one that was taken comes first. */
  readonly passedOver: Listed;
  /** Have the entry's key and another value. */
  readonly otherValues: Listed;
  /** Keys that this level has beside the entry's. */
  readonly otherKeys: Listed;
}

/** The first few of what may be many. */
export interface Listed {
  readonly first: readonly string[];
  readonly omitted: number;
}

/** Why a descriptor has the rule that it has, or none. */
export interface MatchExplanation {
  readonly isDomainKnown: boolean;
  /** One for each entry, up to the first that leads nowhere. */
  readonly steps: readonly MatchStep[];
  /** What `matchRule` finds. */
  readonly rule: Rule | undefined;
  /** Rules on the way: they are for the entries up to there alone. */
  readonly onTheWay: readonly string[];
  /** Keys of one more entry that would lead further; none where the way ended before. */
  readonly keysBelow: Listed;
}

const MOST_LISTED = 10;

/** Takes the same way as `matchRule`, and tells of each step what else there was. */
export function explainMatch(book: RuleBook, domain: string, entries: readonly Entry[]): MatchExplanation {
  const root = book.get(domain);
  const steps: MatchStep[] = [];
  const onTheWay: string[] = [];
  let node: RuleNode | undefined = root;
  let path = domain;
  const way: RuleNode[] = [];
  if (root?.isMostSpecific) matchMostSpecific(root, entries, way);
  for (const [place, entry] of entries.entries()) {
    if (node === undefined) break;
    const next: RuleNode | undefined = way[place] ?? nodeBelow(node, entry.key, entry.value);
    const step = explainStep(node, path, entry, next);
    steps.push(step);
    path = step.taken?.path ?? path;
    if (next?.rule !== undefined && place < entries.length - 1) onTheWay.push(next.rule.path);
    node = next;
  }
  return {
    isDomainKnown: root !== undefined,
    steps,
    rule: matchRule(book, domain, entries),
    onTheWay,
    keysBelow: listed(keysOf(node)),
  };
}

function explainStep(node: RuleNode, path: string, entry: Entry, next: RuleNode | undefined): MatchStep {
  const rules = node.byKey?.get(entry.key);
  const children = rules === undefined ? [] : childrenOf(rules);
  const taken = next === undefined ? undefined : children.find((child) => child.node === next);
  const others = children.filter((child) => child !== taken);
  const pathOf = ({ value }: Child) => pathBelow(path, entry.key, value);
  return {
    entry,
    taken: taken && { way: wayOf(taken, entry.value), path: pathOf(taken) },
    passedOver: listed(others.filter((child) => fits(child, entry.value)).map(pathOf)),
    otherValues: listed(others.filter((child) => !fits(child, entry.value)).map(pathOf)),
    otherKeys: listed(keysOf(node).filter((key) => key !== entry.key)),
  };
}

/** A descriptor of a level; `value` undefined: it has its key alone. */
interface Child {
  readonly value: string | undefined;
  readonly node: RuleNode;
}

function childrenOf({ exact, anyValue }: KeyRules): readonly Child[] {
  const children: Child[] = Array.from(exact ?? [], ([value, node]) => ({ value, node }));
  return anyValue === undefined ? children : [...children, { value: undefined, node: anyValue }];
}

function wayOf({ value: written }: Child, value: string): MatchKind {
  if (written === undefined) return 'key';
  return written === value ? 'exact' : 'wildcard';
}

function fits({ value: written }: Child, value: string): boolean {
  if (written === undefined || written === value) return true;
  if (!written.includes('*')) return false;
  const alone = createWildcardValues<true>();
  addWildcard(alone, written, true);
  return findWildcard(alone, value) === true;
}

function keysOf(node: RuleNode | undefined): readonly string[] {
  return [...(node?.byKey?.keys() ?? [])];
}

function listed(all: readonly string[]): Listed {
  const first = all.slice(0, MOST_LISTED);
  return { first, omitted: all.length - first.length };
}
