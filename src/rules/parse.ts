import { isMap, isSeq, type YAMLMap } from 'yaml';
import { ALGORITHMS } from '../core/parse-limit.ts';
import { createRuleNode, type KeyRules, type Rule, type RuleNode } from '../core/rules.ts';
import { addWildcard, createWildcardValues } from '../core/wildcard-values.ts';
import { readLimits } from './rule-limits.ts';
import { type RulesFault, YamlReader } from './yaml-reader.ts';

export interface ParsedRules {
  readonly domain: string;
  readonly root: RuleNode;
}

/** Deeper nesting than anybody writes by hand is a mistake or an attack, and would end the stack. */
const DEEPEST = 32;

/** Check charges its rules too, and knows neither shadows nor rules that replace others. */
const EDGE_DOMAIN = 'edge';

/** Of envoyproxy/ratelimit's fields those that would change nothing here, where somebody relies on them. */
const UNSUPPORTED = ['quota_mode', 'detailed_metric', 'value_to_metric', 'metadata'];
const DESCRIPTOR_FIELDS = [
  ...['key', 'value', 'rate_limit', 'limits', 'descriptors', 'shadow_mode', 'share_threshold'],
  ...UNSUPPORTED,
];

/**
 * One rules file in envoyproxy/ratelimit's form: `domain` and nested `descriptors`, each with `key`, perhaps `value`, in
 * which `*` stands for any characters, `shadow_mode`, `share_threshold`, and `rate_limit: {…}` or `limits: [{…}, …]`,
 * which `readLimits` describes; before them perhaps `defaults: {algorithm}`. Returns every fault, or the rules.
 */
export function parseRules(file: string, text: string): ParsedRules | readonly RulesFault[] {
  const reader = new YamlReader(file);
  const contents = reader.parse(text, 'must be a map with domain and descriptors');
  if (contents === undefined) return reader.faults;
  reader.knownFields(contents, ['domain', 'defaults', 'descriptors']);
  const domain = reader.requiredText(contents, 'domain') ?? '';
  const root = createRuleNode();
  const parser = new DescriptorsParser(reader, readDefaultAlgorithm(contents, reader), domain === EDGE_DOMAIN);
  parser.parse(contents, { node: root, path: domain, sharedValues: [] });
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

/** A level of nested descriptors, and the way to it. */
interface Level {
  readonly node: RuleNode;
  readonly path: string;
  /** Of each level above, the wildcard whose values share their limits. */
  readonly sharedValues: readonly (string | undefined)[];
}

class DescriptorsParser {
  readonly #reader: YamlReader;
  readonly #defaultAlgorithm: string;
  readonly #isEdge: boolean;
  #placeholders = 0;

  constructor(reader: YamlReader, defaultAlgorithm: string, isEdge: boolean) {
    this.#reader = reader;
    this.#isEdge = isEdge;
    this.#defaultAlgorithm = defaultAlgorithm;
  }

  parse(parent: YAMLMap, level: Level): void {
    const descriptors = parent.get('descriptors', true) as unknown; // the library types it as a scalar only
    if (descriptors === undefined) return;
    if (!isSeq(descriptors)) {
      this.#reader.faultAt(descriptors, 'descriptors: must be a list');
      return;
    }
    if (level.sharedValues.length >= DEEPEST) {
      this.#reader.faultAt(descriptors, `descriptors: must be nested at most ${DEEPEST} deep`);
      return;
    }
    for (const item of descriptors.items) {
      if (isMap(item)) this.#descriptor(item, level);
      else this.#reader.faultAt(item, 'descriptors: each must be a map with a key');
    }
  }

  #descriptor(item: YAMLMap, parent: Level): void {
    const reader = this.#reader;
    reader.knownFields(item, DESCRIPTOR_FIELDS);
    for (const field of UNSUPPORTED) {
      if (item.has(field)) this.#unsupported(item, field);
    }
    const key = reader.requiredText(item, 'key') ?? this.#placeholder();
    const value = reader.textOf(item, 'value') || undefined; // an empty value means any, as to envoyproxy/ratelimit
    if (key.includes('*')) reader.faultAt(item.get('key', true), 'key: must have no "*"; values may');
    const path = `${parent.path}.${value === undefined ? key : `${key}_${value}`}`;
    const node = this.#addNode(item, parent.node, key, value, path);
    if (node === undefined) return;
    const level = { node, path, sharedValues: [...parent.sharedValues, this.#sharedValue(item, value)] };
    node.rule = this.#rule(item, level);
    this.parse(item, level);
  }

  /** For a descriptor without a key, so that the faults of what it has are told as well. */
  #placeholder(): string {
    return `?${++this.#placeholders}`;
  }

  #rule(item: YAMLMap, { path, sharedValues }: Level): Rule | undefined {
    const isShadow = this.#reader.flagOf(item, 'shadow_mode');
    const { limits, replaces } = readLimits(item, this.#defaultAlgorithm, this.#reader);
    if (limits.length === 0) return undefined;
    if (this.#isEdge && (isShadow || replaces.length > 0)) {
      const place = item.get(isShadow ? 'shadow_mode' : item.has('limits') ? 'limits' : 'rate_limit', true);
      const field = isShadow ? 'shadow_mode' : 'replaces';
      this.#reader.faultAt(
        place,
        `${field}: is not supported in the domain ${EDGE_DOMAIN}, which Check charges as well`,
      );
    }
    if (isShadow && limits.some(({ algorithm }) => algorithm === 'concurrency')) {
      const description = 'must not stand beside concurrency: no receipt is told that would give its slots back';
      this.#reader.faultAt(item.get('shadow_mode', true), `shadow_mode: ${description}`);
    }
    return {
      path,
      limits,
      ...(isShadow && { isShadow }),
      ...(replaces.length > 0 && { replaces }),
      ...(sharedValues.some((shared) => shared !== undefined) && { sharedValues }),
    };
  }

  #sharedValue(item: YAMLMap, value: string | undefined): string | undefined {
    if (!this.#reader.flagOf(item, 'share_threshold')) return undefined;
    if (value?.includes('*')) return value;
    this.#reader.faultAt(item.get('share_threshold', true), 'share_threshold: must stand beside a value with "*"');
    return undefined;
  }

  /** Where it is false it changes nothing. */
  #unsupported(item: YAMLMap, field: string): void {
    if (field !== 'metadata' && !this.#reader.flagOf(item, field)) return;
    this.#reader.faultAt(item.get(field, true), `${field}: of envoyproxy/ratelimit is not supported yet`);
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
