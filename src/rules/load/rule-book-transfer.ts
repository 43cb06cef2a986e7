import type { Limit } from '../../domain/limits/limit.ts';
import type { Rule } from '../../domain/rules/rule.ts';
import {
  addRuleNode,
  createRuleNode,
  type DomainRules,
  type RuleBook,
  type RuleNode,
} from '../../domain/rules/rule-book.ts';
import type { LimitInterner } from './limit-interner.ts';

/**
 * Some nodes of a rule book, a list for each thing that they have: what is sent from one thread to another stops the one
 * that takes it, and objects do so for long.
 */
export interface BookPart {
  /** The number of the node above, in the order of all nodes of all parts; -1: it is a domain. */
  readonly parents: readonly number[];
  /** Of a domain its name. */
  readonly keys: readonly string[];
  /** undefined: any. */
  readonly values: readonly (string | undefined)[];
  /** The number of the rule's limits, in the order of all `newLimits` of all parts; -1: the node has no rule. */
  readonly limits: readonly number[];
  /** Of the rule; undefined: the node has none. Put together anew they would take twice the memory. */
  readonly paths: readonly (string | undefined)[];
  readonly newLimits: readonly (readonly Limit[])[];
  /** What the rule has besides its path and limits, by the node's place in this part. */
  readonly others: ReadonlyMap<number, Omit<Rule, 'path' | 'limits'>>;
  /** Domains whose most specific rule is found. */
  readonly mostSpecific: readonly string[];
}

/** A part takes a millisecond or two to be taken up. */
const NODES_OF_PART = 500;

/** The book in parts, each node after the one above it. */
export function* ruleBookParts(book: RuleBook): Generator<BookPart, void> {
  const writer = new PartWriter();
  for (const [domain, root] of book) {
    if (root.isMostSpecific) writer.tellMostSpecific(domain);
    yield* writer.write(-1, domain, undefined, root);
  }
  yield writer.cut();
}

class PartWriter {
  readonly #numbers = new Map<readonly Limit[], number>();
  #nodes = 0;
  #part = emptyPart();

  *write(parent: number, key: string, value: string | undefined, node: RuleNode): Generator<BookPart, void> {
    if (this.#part.parents.length >= NODES_OF_PART) yield this.cut();
    this.#add(parent, key, value, node.rule);
    const number = this.#nodes++;
    for (const [below, rules] of node.byKey ?? []) {
      // Wildcards lead to the same nodes.
      for (const [exact, child] of rules.exact ?? []) yield* this.write(number, below, exact, child);
      if (rules.anyValue !== undefined) yield* this.write(number, below, undefined, rules.anyValue);
    }
  }

  /** Before the domain is written. */
  tellMostSpecific(domain: string): void {
    this.#part.mostSpecific.push(domain);
  }

  cut(): BookPart {
    const part = this.#part;
    this.#part = emptyPart();
    return part;
  }

  #add(parent: number, key: string, value: string | undefined, rule: Rule | undefined): void {
    const part = this.#part;
    part.parents.push(parent);
    part.keys.push(key);
    part.values.push(value);
    part.limits.push(rule === undefined ? -1 : this.#numberOf(rule.limits));
    part.paths.push(rule?.path);
    if (rule === undefined) return;
    const { path, limits, ...others } = rule;
    if (Object.keys(others).length > 0) part.others.set(part.parents.length - 1, others);
  }

  #numberOf(limits: readonly Limit[]): number {
    let number = this.#numbers.get(limits);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(limits, number);
      this.#part.newLimits.push(limits);
    }
    return number;
  }
}

function emptyPart() {
  return {
    parents: [] as number[],
    keys: [] as string[],
    values: [] as (string | undefined)[],
    limits: [] as number[],
    paths: [] as (string | undefined)[],
    newLimits: [] as (readonly Limit[])[],
    others: new Map<number, Omit<Rule, 'path' | 'limits'>>(),
    mostSpecific: [] as string[],
  };
}

/** Makes a book out of its parts, in their order. */
export class BookBuilder {
  readonly book = new Map<string, DomainRules>();
  readonly #known: LimitInterner;
  readonly #nodes: RuleNode[] = [];
  readonly #limits: (readonly Limit[])[] = [];
  readonly #mostSpecific = new Set<string>();

  constructor(known: LimitInterner) {
    this.#known = known;
  }

  add(part: BookPart): void {
    for (const limits of part.newLimits) this.#limits.push(this.#known.known(limits));
    for (const domain of part.mostSpecific) this.#mostSpecific.add(domain);
    for (const [place, parent] of part.parents.entries()) {
      const key = part.keys[place] ?? '';
      const value = part.values[place];
      const above = this.#nodes[parent];
      const node = above === undefined ? this.#addDomain(key) : addRuleNode(above, key, value);
      if (node === undefined) throw new Error('a rule book has a node twice');
      const limits = this.#limits[part.limits[place] ?? -1];
      const path = part.paths[place];
      const others = part.others.get(place);
      if (limits !== undefined && path !== undefined) {
        node.rule = others === undefined ? { path, limits } : { path, limits, ...this.#withKnown(others) };
      }
      this.#nodes.push(node);
    }
  }

  /** A candidate is a limit as any other. */
  #withKnown(others: Omit<Rule, 'path' | 'limits'>): Omit<Rule, 'path' | 'limits'> {
    const { candidate } = others;
    if (candidate === undefined) return others;
    const [known] = this.#known.known([candidate]);
    return { ...others, candidate: known as typeof candidate }; // says the same
  }

  #addDomain(name: string): RuleNode {
    const isMostSpecific = this.#mostSpecific.has(name);
    const root: DomainRules = isMostSpecific ? { ...createRuleNode(), isMostSpecific } : createRuleNode();
    this.book.set(name, root);
    return root;
  }
}
