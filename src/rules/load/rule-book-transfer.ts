import { elementAt } from '../../collections/element-at.ts';
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

/** In place of an index: the node is the root of a domain and has no parent, or it has no rule. */
const NONE = -1;

/** The receiver needs one to two milliseconds to add a chunk of this size. */
const MAX_CHUNK_NODES = 500;

/** The fields of a rule that few rules have. */
type RareRuleFields = Omit<Rule, 'path' | 'limits'>;

/**
 * Some nodes of a rule book, as sent from one thread to another. The nodes are in parallel arrays, one array per field:
 * deserializing blocks the receiving thread, and takes much longer for objects than for arrays of primitives. A node
 * has the same index in each array, and every array has the same length.
 */
export interface RuleBookChunk {
  /** Index of the parent among the nodes of all chunks; NONE for the root of a domain. */
  readonly parentIndexes: readonly number[];
  /** The key of a node, or the name of a domain. */
  readonly keys: readonly string[];
  /** undefined: any value. */
  readonly values: readonly (string | undefined)[];
  /** Index of the rule's limits in `newLimitLists` of all chunks; NONE if the node has no rule. */
  readonly limitListIndexes: readonly number[];
  /** Path of the rule; undefined if the node has no rule. Composing paths again would take twice the memory. */
  readonly paths: readonly (string | undefined)[];
  /** Limits of this chunk's rules that earlier chunks do not have. */
  readonly newLimitLists: readonly (readonly Limit[])[];
  /** Other fields of the rules that have any, by the index of the node in this chunk. */
  readonly rareFields: ReadonlyMap<number, RareRuleFields>;
  /** Domains from this chunk on in which the most specific rule wins. */
  readonly mostSpecificDomains: readonly string[];
}

/** Splits a book into chunks. Every node comes after its parent. */
export function* splitRuleBook(book: RuleBook): Generator<RuleBookChunk, void> {
  const writer = new ChunkWriter();
  for (const [domain, root] of book) {
    if (root.isMostSpecific) writer.addMostSpecificDomain(domain);
    yield* writer.writeTree(NONE, domain, undefined, root);
  }
  yield writer.takeChunk();
}

class ChunkWriter {
  readonly #limitListIndexes = new Map<readonly Limit[], number>();
  #nodeCount = 0;
  #chunk = createChunk();

  /** Writes a node and everything below it. Yields each chunk that is full. */
  *writeTree(
    parentIndex: number,
    key: string,
    value: string | undefined,
    node: RuleNode,
  ): Generator<RuleBookChunk, void> {
    if (this.#chunk.parentIndexes.length >= MAX_CHUNK_NODES) yield this.takeChunk();
    this.#writeNode(parentIndex, key, value, node.rule);
    const index = this.#nodeCount++;
    for (const [childKey, { exact, anyValue }] of node.byKey ?? []) {
      // `exact` has the nodes of wildcards as well.
      for (const [childValue, child] of exact ?? []) yield* this.writeTree(index, childKey, childValue, child);
      if (anyValue !== undefined) yield* this.writeTree(index, childKey, undefined, anyValue);
    }
  }

  /** Must be called before the domain is written. */
  addMostSpecificDomain(domain: string): void {
    this.#chunk.mostSpecificDomains.push(domain);
  }

  takeChunk(): RuleBookChunk {
    const chunk = this.#chunk;
    this.#chunk = createChunk();
    return chunk;
  }

  #writeNode(parentIndex: number, key: string, value: string | undefined, rule: Rule | undefined): void {
    const chunk = this.#chunk;
    chunk.parentIndexes.push(parentIndex);
    chunk.keys.push(key);
    chunk.values.push(value);
    chunk.limitListIndexes.push(rule === undefined ? NONE : this.#indexLimits(rule.limits));
    chunk.paths.push(rule?.path);
    if (rule === undefined) return;
    const { path, limits, ...rareFields } = rule;
    if (Object.keys(rareFields).length > 0) chunk.rareFields.set(chunk.parentIndexes.length - 1, rareFields);
  }

  #indexLimits(limits: readonly Limit[]): number {
    let index = this.#limitListIndexes.get(limits);
    if (index === undefined) {
      index = this.#limitListIndexes.size;
      this.#limitListIndexes.set(limits, index);
      this.#chunk.newLimitLists.push(limits);
    }
    return index;
  }
}

function createChunk() {
  return {
    parentIndexes: [] as number[],
    keys: [] as string[],
    values: [] as (string | undefined)[],
    limitListIndexes: [] as number[],
    paths: [] as (string | undefined)[],
    newLimitLists: [] as (readonly Limit[])[],
    rareFields: new Map<number, RareRuleFields>(),
    mostSpecificDomains: [] as string[],
  };
}

/** Assembles a book from all of its chunks, in order. Throws if an index leads nowhere. */
export class RuleBookAssembler {
  readonly book = new Map<string, DomainRules>();
  readonly #interner: LimitInterner;
  readonly #nodes: RuleNode[] = [];
  readonly #limitLists: (readonly Limit[])[] = [];
  readonly #mostSpecificDomains = new Set<string>();

  constructor(interner: LimitInterner) {
    this.#interner = interner;
  }

  add(chunk: RuleBookChunk): void {
    for (const limits of chunk.newLimitLists) this.#limitLists.push(this.#interner.intern(limits));
    for (const domain of chunk.mostSpecificDomains) this.#mostSpecificDomains.add(domain);
    for (const [index, parentIndex] of chunk.parentIndexes.entries()) {
      const key = elementAt(chunk.keys, index);
      const node =
        parentIndex === NONE
          ? this.#addDomain(key)
          : addRuleNode(elementAt(this.#nodes, parentIndex), key, elementAt(chunk.values, index));
      if (node === undefined) throw new Error('rule book: the same node was sent twice');
      node.rule = this.#assembleRule(chunk, index);
      this.#nodes.push(node);
    }
  }

  /** undefined: the node has no rule. */
  #assembleRule(chunk: RuleBookChunk, index: number): Rule | undefined {
    const path = elementAt(chunk.paths, index);
    const limitListIndex = elementAt(chunk.limitListIndexes, index);
    if (path === undefined) return undefined;
    const limits = elementAt(this.#limitLists, limitListIndex);
    const rareFields = chunk.rareFields.get(index);
    if (rareFields === undefined) return { path, limits };
    const { candidate } = rareFields;
    if (candidate === undefined) return { path, limits, ...rareFields };
    return { path, limits, ...rareFields, candidate: this.#interner.internOne(candidate) };
  }

  #addDomain(name: string): RuleNode {
    const isMostSpecific = this.#mostSpecificDomains.has(name);
    const root: DomainRules = isMostSpecific ? { ...createRuleNode(), isMostSpecific } : createRuleNode();
    this.book.set(name, root);
    return root;
  }
}
