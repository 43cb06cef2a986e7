import { hashSegment, type PathSegments } from './path-segments.ts';
import type { Route } from './route.ts';

/** The routes with one path, by their methods. */
interface RouteLeaf {
  readonly byMethod: Map<string, Route>;
  /** The route for all other methods. */
  anyMethod: Route | undefined;
}

interface TrieNode {
  /** By the hash of the literal. */
  readonly literals: Map<number, Literal>;
  parameter: TrieNode | undefined;
  /** For paths that end here. */
  leaf: RouteLeaf | undefined;
  /** For paths that have at least one more segment. */
  rest: RouteLeaf | undefined;
}

interface Literal {
  readonly text: string;
  readonly node: TrieNode;
  /** Another literal with the same hash. */
  readonly next: Literal | undefined;
}

/** Finds routes by path and method. The route with the most literal segments wins. */
export class RouteTrie {
  readonly #root = createNode();
  /** The best result so far of the search in progress. */
  #best: Route | undefined;
  #bestLiterals = 0;

  /** Adds a route. Returns the route that has the same path and one of its methods already, and then adds nothing. */
  add(route: Route): Route | undefined {
    const { methods } = route;
    const leaf = this.#openLeaf(route);
    if (methods.length === 0) {
      if (leaf.anyMethod !== undefined) return leaf.anyMethod;
      leaf.anyMethod = route;
      return undefined;
    }
    for (const method of methods) {
      const other = leaf.byMethod.get(method);
      if (other !== undefined) return other;
    }
    for (const method of methods) leaf.byMethod.set(method, route);
    return undefined;
  }

  /**
   * Finds the route of the first `count` segments of a path. Of two routes with as many literal segments, the one whose
   * literal comes first wins.
   */
  find(segments: PathSegments, count: number, method: string): Route | undefined {
    this.#best = undefined;
    this.#bestLiterals = -1;
    this.#visit(this.#root, segments, 0, count, 0, method);
    return this.#best;
  }

  #openLeaf({ segments }: Route): RouteLeaf {
    let node = this.#root;
    for (const segment of segments) {
      if (segment.kind === 'rest') {
        node.rest ??= createLeaf();
        return node.rest;
      }
      node = segment.kind === 'parameter' ? openParameter(node) : openLiteral(node, segment.text);
    }
    node.leaf ??= createLeaf();
    return node.leaf;
  }

  /** Visits the nodes below a node that match the segments from `index` on, each at most once. */
  #visit(node: TrieNode, segments: PathSegments, index: number, count: number, literals: number, method: string): void {
    if (index === count) {
      if (node.leaf !== undefined) this.#consider(node.leaf, literals, method);
      return;
    }
    const next = node.literals.size === 0 ? undefined : findLiteral(node, segments, index);
    if (next !== undefined) this.#visit(next, segments, index + 1, count, literals + 1, method);
    if (node.parameter !== undefined && !segments.isEmptyAt(index)) {
      this.#visit(node.parameter, segments, index + 1, count, literals, method);
    }
    if (node.rest !== undefined) this.#consider(node.rest, literals, method);
  }

  #consider({ byMethod, anyMethod }: RouteLeaf, literals: number, method: string): void {
    if (literals <= this.#bestLiterals) return;
    const route = findByMethod(byMethod, method) ?? anyMethod;
    if (route === undefined) return;
    this.#best = route;
    this.#bestLiterals = literals;
  }
}

function findLiteral({ literals }: TrieNode, segments: PathSegments, index: number): TrieNode | undefined {
  let literal = literals.get(segments.hashAt(index));
  while (literal !== undefined && !segments.isAt(index, literal.text)) literal = literal.next;
  return literal?.node;
}

/** Servers answer HEAD as GET without a body, so a route for GET has HEAD too, unless another one names it. */
function findByMethod(byMethod: ReadonlyMap<string, Route>, method: string): Route | undefined {
  const route = byMethod.size === 0 ? undefined : byMethod.get(method);
  return route === undefined && method === 'HEAD' ? byMethod.get('GET') : route;
}

function openLiteral({ literals }: TrieNode, text: string): TrieNode {
  const hash = hashSegment(text);
  const first = literals.get(hash);
  for (let literal = first; literal !== undefined; literal = literal.next) {
    if (literal.text === text) return literal.node;
  }
  const node = createNode();
  literals.set(hash, { text, node, next: first });
  return node;
}

function openParameter(node: TrieNode): TrieNode {
  node.parameter ??= createNode();
  return node.parameter;
}

function createNode(): TrieNode {
  return { literals: new Map(), parameter: undefined, leaf: undefined, rest: undefined };
}

function createLeaf(): RouteLeaf {
  return { byMethod: new Map(), anyMethod: undefined };
}
