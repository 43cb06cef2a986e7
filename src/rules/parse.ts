import { isMap, isSeq, type YAMLMap } from 'yaml';
import { ALGORITHMS } from '../core/parse-limit.ts';
import { createRuleNode, type KeyRules, type RuleNode } from '../core/rules.ts';
import { addWildcard, createWildcardValues } from '../core/wildcard-values.ts';
import { readLimits } from './rule-limits.ts';
import { type RulesFault, YamlReader } from './yaml-reader.ts';

export interface ParsedRules {
  readonly domain: string;
  readonly root: RuleNode;
}

/** Deeper nesting than anybody writes by hand is a mistake or an attack, and would end the stack. */
const DEEPEST = 32;

/**
 * One rules file in envoyproxy/ratelimit's form: `domain` and nested `descriptors`, each with `key`, perhaps `value`, in
 * which `*` stands for any characters, and perhaps `rate_limit: {…}` or `limits: [{…}, …]`, which `readLimits` describes; before them perhaps
 * `defaults: {algorithm}`. Returns every fault, or the rules.
 */
export function parseRules(file: string, text: string): ParsedRules | readonly RulesFault[] {
  const reader = new YamlReader(file);
  const contents = reader.parse(text, 'must be a map with domain and descriptors');
  if (contents === undefined) return reader.faults;
  reader.knownFields(contents, ['domain', 'defaults', 'descriptors']);
  const domain = reader.textOf(contents, 'domain') ?? '';
  if (domain === '') reader.faultAt(contents, 'domain: must be a text that is not empty');
  const root = createRuleNode();
  new DescriptorsParser(reader, readDefaultAlgorithm(contents, reader)).parse(contents, root, domain, 1);
  return reader.faults.length > 0 ? reader.faults : { domain, root };
}

/** What limits of this file have that name no algorithm; empty: what `parseLimit` takes. */
function readDefaultAlgorithm(contents: YAMLMap, reader: YamlReader): string {
  const defaults = contents.get('defaults', true) as unknown; // the library types it as a scalar only
  if (defaults === undefined) return '';
  if (!isMap(defaults)) {
    reader.faultAt(defaults, 'defaults: must be a map with algorithm');
    return '';
  }
  reader.knownFields(defaults, ['algorithm']);
  const algorithm = reader.textOf(defaults, 'algorithm') ?? '';
  const counted = ALGORITHMS.filter((known) => known !== 'unlimited');
  if (counted.includes(algorithm)) return algorithm;
  const place = defaults.get('algorithm', true) ?? defaults;
  reader.faultAt(place, `defaults.algorithm: must be one of ${counted.join(', ')}`);
  return '';
}

class DescriptorsParser {
  readonly #reader: YamlReader;
  readonly #defaultAlgorithm: string;

  constructor(reader: YamlReader, defaultAlgorithm: string) {
    this.#reader = reader;
    this.#defaultAlgorithm = defaultAlgorithm;
  }

  parse(parent: YAMLMap, node: RuleNode, path: string, depth: number): void {
    const descriptors = parent.get('descriptors', true) as unknown; // the library types it as a scalar only
    if (descriptors === undefined) return;
    if (!isSeq(descriptors)) {
      this.#reader.faultAt(descriptors, 'descriptors: must be a list');
      return;
    }
    if (depth > DEEPEST) {
      this.#reader.faultAt(descriptors, `descriptors: must be nested at most ${DEEPEST} deep`);
      return;
    }
    for (const item of descriptors.items) {
      if (isMap(item)) this.#descriptor(item, node, path, depth);
      else this.#reader.faultAt(item, 'descriptors: each must be a map with a key');
    }
  }

  #descriptor(item: YAMLMap, parent: RuleNode, parentPath: string, depth: number): void {
    const reader = this.#reader;
    reader.knownFields(item, ['key', 'value', 'rate_limit', 'limits', 'descriptors']);
    const key = reader.textOf(item, 'key') ?? '';
    if (key === '') {
      reader.faultAt(item, 'key: must be a text that is not empty');
      return;
    }
    const value = reader.textOf(item, 'value') || undefined; // an empty value means any, as to envoyproxy/ratelimit
    if (key.includes('*')) reader.faultAt(item.get('key', true), 'key: must have no "*"; values may');
    const path = `${parentPath}.${value === undefined ? key : `${key}_${value}`}`;
    const node = this.#addNode(item, parent, key, value, path);
    if (node === undefined) return;
    const limits = readLimits(item, this.#defaultAlgorithm, reader);
    if (limits.length > 0) node.rule = { path, limits };
    this.parse(item, node, path, depth + 1);
  }

  #addNode(
    item: YAMLMap,
    parent: RuleNode,
    key: string,
    value: string | undefined,
    path: string,
  ): RuleNode | undefined {
    const rules = rulesOf(parent, key);
    if (value === undefined ? rules.anyValue !== undefined : rules.exact.has(value)) {
      this.#reader.faultAt(item, `key: the descriptor ${path} is there twice`);
      return undefined;
    }
    const node = createRuleNode();
    if (value === undefined) {
      rules.anyValue = node;
      return node;
    }
    rules.exact.set(value, node);
    if (value.includes('*')) {
      rules.wildcards ??= createWildcardValues();
      addWildcard(rules.wildcards, value, node);
    }
    return node;
  }
}

function rulesOf(parent: RuleNode, key: string): KeyRules {
  let rules = parent.byKey.get(key);
  if (rules === undefined) {
    rules = { exact: new Map(), wildcards: undefined, anyValue: undefined };
    parent.byKey.set(key, rules);
  }
  return rules;
}
