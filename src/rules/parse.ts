import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { type Limit, parseLimit } from '../core/limit.ts';
import { createRuleNode, type RuleNode } from '../core/rules.ts';

/** One thing that is wrong with a rules file, and where. */
export interface RulesFault {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly description: string;
}

export interface ParsedRules {
  readonly domain: string;
  readonly root: RuleNode;
}

/** Deeper nesting than anybody writes by hand is a mistake or an attack, and would end the stack. */
const DEEPEST = 32;

const UNITS: Readonly<Record<string, string>> = { second: '1s', minute: '1m', hour: '1h', day: '1d', week: '7d' };

/**
 * One rules file in envoyproxy/ratelimit's form: `domain` and nested `descriptors`, each with `key`, perhaps `value`,
 * and perhaps `rate_limit: {unit, requests_per_unit}` or `{requests, window}`. Returns every fault, or the rules.
 */
export function parseRules(file: string, text: string): ParsedRules | readonly RulesFault[] {
  return new RulesParser(file, text).parse();
}

class RulesParser {
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #text: string;
  readonly #faults: RulesFault[] = [];

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  parse(): ParsedRules | readonly RulesFault[] {
    const document = parseDocument(this.#text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { pos, message } of document.errors) this.#fault(pos[0], message);
    if (this.#faults.length > 0) return this.#faults;
    const contents: unknown = document.contents;
    if (!isMap(contents)) {
      this.#fault(0, 'must be a map with domain and descriptors');
      return this.#faults;
    }
    this.#knownFields(contents, ['domain', 'descriptors']);
    const domain = this.#textOf(contents, 'domain') ?? '';
    if (domain === '') this.#faultAt(contents, 'domain: must be a text that is not empty');
    const root = createRuleNode();
    this.#descriptors(contents, root, domain, 1);
    return this.#faults.length > 0 ? this.#faults : { domain, root };
  }

  #descriptors(parent: YAMLMap, node: RuleNode, path: string, depth: number): void {
    const descriptors = parent.get('descriptors', true) as unknown; // the library types it as a scalar only
    if (descriptors === undefined) return;
    if (!isSeq(descriptors)) {
      this.#faultAt(descriptors, 'descriptors: must be a list');
      return;
    }
    if (depth > DEEPEST) {
      this.#faultAt(descriptors, `descriptors: must be nested at most ${DEEPEST} deep`);
      return;
    }
    for (const item of descriptors.items) {
      if (isMap(item)) this.#descriptor(item, node, path, depth);
      else this.#faultAt(item, 'descriptors: each must be a map with a key');
    }
  }

  #descriptor(item: YAMLMap, parent: RuleNode, parentPath: string, depth: number): void {
    this.#knownFields(item, ['key', 'value', 'rate_limit', 'descriptors']);
    const key = this.#textOf(item, 'key') ?? '';
    if (key === '') {
      this.#faultAt(item, 'key: must be a text that is not empty');
      return;
    }
    const value = this.#textOf(item, 'value') || undefined; // an empty value means any, as to envoyproxy/ratelimit
    if (value?.endsWith('*')) this.#faultAt(item, `value: wildcards ("${value}") are not supported yet`);
    const path = `${parentPath}.${value === undefined ? key : `${key}_${value}`}`;
    const node = this.#addNode(item, parent, key, value, path);
    if (node === undefined) return;
    if (item.has('rate_limit')) {
      const limit = this.#rateLimit(item.get('rate_limit', true));
      if (limit !== undefined) node.rule = { path, limits: [limit] };
    }
    this.#descriptors(item, node, path, depth + 1);
  }

  #addNode(
    item: YAMLMap,
    parent: RuleNode,
    key: string,
    value: string | undefined,
    path: string,
  ): RuleNode | undefined {
    const children: Map<string, RuleNode> = value === undefined ? parent.anyValue : valuesOf(parent, key);
    const name = value ?? key;
    if (children.has(name)) {
      this.#faultAt(item, `key: the descriptor ${path} is there twice`);
      return undefined;
    }
    const node = createRuleNode();
    children.set(name, node);
    return node;
  }

  #rateLimit(written: unknown): Limit | undefined {
    if (!isMap(written)) {
      this.#faultAt(written, 'rate_limit: must be a map with unit and requests_per_unit, or with requests and window');
      return undefined;
    }
    const byUnit = written.has('unit') || written.has('requests_per_unit');
    this.#knownFields(written, byUnit ? ['unit', 'requests_per_unit'] : ['name', 'requests', 'window', 'algorithm']);
    const requestsField = byUnit ? 'requests_per_unit' : 'requests';
    const requests = written.get(requestsField);
    const window = byUnit ? this.#unit(written) : (this.#textOf(written, 'window') ?? '');
    if (window === undefined) return undefined;
    const limit = parseLimit({
      name: this.#textOf(written, 'name') ?? (window || 'limit'),
      requests: typeof requests === 'number' ? requests : Number.NaN,
      window,
      algorithm: this.#textOf(written, 'algorithm') ?? '',
    });
    if ('identity' in limit) return limit;
    for (const { field, description } of limit) {
      const place = field === 'requests' ? requestsField : field;
      this.#faultAt(written.get(place, true) ?? written, `rate_limit.${place}: ${description}`);
    }
    return undefined;
  }

  /** The window of a `unit`, which envoyproxy/ratelimit reads in any case. */
  #unit(written: YAMLMap): string | undefined {
    const unit = this.#textOf(written, 'unit')?.toLowerCase() ?? '';
    const window = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (window === undefined) {
      const known = Object.keys(UNITS).join(', ');
      this.#faultAt(written.get('unit', true) ?? written, `rate_limit.unit: must be one of ${known}`);
    }
    return window;
  }

  /** A text, as which YAML may also write a number (`value: 404`); undefined when absent. */
  #textOf(map: YAMLMap, field: string): string | undefined {
    const node: unknown = map.get(field, true);
    if (node === undefined) return undefined;
    if (isScalar(node) && typeof node.value === 'string') return node.value;
    if (isScalar(node) && typeof node.value !== 'object' && node.source !== undefined) return node.source;
    this.#faultAt(node, `${field}: must be a text`);
    return undefined;
  }

  /** What is written but not understood must not be dropped silently: it may have been meant to forbid something. */
  #knownFields(map: YAMLMap, known: readonly string[]): void {
    for (const { key } of map.items as Pair<unknown>[]) {
      const name = isScalar(key) ? String(key.value) : '';
      if (!known.includes(name))
        this.#faultAt(key, `${name || 'key'}: not supported here; known are ${known.join(', ')}`);
    }
  }

  #faultAt(node: unknown, description: string): void {
    this.#fault((node as Node | undefined)?.range?.[0] ?? 0, description);
  }

  #fault(offset: number, description: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.#faults.push({ file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1), description });
  }
}

function valuesOf(parent: RuleNode, key: string): Map<string, RuleNode> {
  let values = parent.exact.get(key);
  if (values === undefined) {
    values = new Map();
    parent.exact.set(key, values);
  }
  return values;
}
