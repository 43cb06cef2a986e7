import { ALGORITHMS } from '../../domain/limits/parse-limit.ts';
import { maxNodesVisited } from '../../domain/rules/match-most-specific.ts';
import type { Rule } from '../../domain/rules/rule.ts';
import {
  addRuleNode,
  childPath,
  createRuleNode,
  type DomainRules,
  EDGE_DOMAIN,
  type RuleNode,
} from '../../domain/rules/rule-book.ts';
import { parseFastYaml } from '../yaml/fast-yaml.ts';
import {
  childLocation,
  knownFields,
  optionalFlag,
  optionalText,
  requiredText,
  type YamlNode,
} from '../yaml/read-fields.ts';
import type { FaultSink, RulesFault } from '../yaml/rules-fault.ts';
import { YamlDocument } from '../yaml/yaml-document.ts';
import { fieldOf, isYamlList, isYamlMap, type YamlMap } from '../yaml/yaml-values.ts';
import { type RuleLimits, readLimits } from './rule-limits.ts';
import { faultAtEdge, faultFlags, readModes } from './rule-modes.ts';

export interface ParsedRules {
  readonly domain: string;
  readonly root: DomainRules;
}

/** Deeper nesting than anybody writes by hand is a mistake or an attack, and would end the stack. */
const DEEPEST = 32;

/** Levels that one look-up may go through where the most specific rule is found: some 50 µs, whoever asks for what. */
const MOST_TRIED = 1000;

const DESCRIPTOR_FIELDS = [
  ...['key', 'value', 'rate_limit', 'limits', 'descriptors', 'shadow_mode', 'share_threshold'],
  ...['quota_mode', 'detailed_metric', 'value_to_metric', 'metadata', 'candidate'],
];

/**
 * One rules file in envoyproxy/ratelimit's form: `domain` and nested `descriptors`, each with `key`, perhaps `value`, in
 * which `*` stands for any characters, `share_threshold`, `detailed_metric`, `value_to_metric`, what `readModes` describes,
 * and `rate_limit: {…}` or `limits: [{…}, …]`, which `readLimits` describes; before them perhaps `defaults: {algorithm}`
 * and `match: most_specific`. Returns every fault, or the rules.
 */
export function parseRules(file: string, text: string): ParsedRules | readonly RulesFault[] {
  return withoutFault(text) ?? withFaults(file, text);
}

function withoutFault(text: string): ParsedRules | undefined {
  const contents = parseFastYaml(text);
  if (contents === undefined) return undefined;
  const counted = { count: 0, at: count, atKey: count, rename: () => undefined };
  function count(): void {
    counted.count++;
  }
  const parsed = readContents(contents, counted);
  return counted.count === 0 ? parsed : undefined;
}

/** Faults have places, and reading these takes its time. */
function withFaults(file: string, text: string): ParsedRules | readonly RulesFault[] {
  const document = new YamlDocument(file, text, 'must be a map with domain and descriptors');
  if (document.contents === undefined) return document.faults;
  const parsed = readContents(document.contents, document);
  return document.faults.length > 0 ? document.faults : parsed;
}

function readContents(contents: YamlMap, faults: FaultSink): ParsedRules {
  const top = { map: contents, location: undefined };
  knownFields(top, ['domain', 'match', 'defaults', 'descriptors'], faults);
  const domain = requiredText(top, 'domain', faults) ?? '';
  const isMostSpecific = readMatch(top, domain, faults);
  const root: DomainRules = isMostSpecific ? { ...createRuleNode(), isMostSpecific: true } : createRuleNode();
  const parser = new DescriptorsParser(faults, readDefaultAlgorithm(top, faults), domain === EDGE_DOMAIN);
  parser.parse(top, { node: root, path: domain, sharedValues: [], metricParts: [] });
  const tried = isMostSpecific ? maxNodesVisited(root) : 0;
  if (tried > MOST_TRIED) {
    const description = `a descriptor might be held against ${tried} others, and must be against at most ${MOST_TRIED}`;
    faults.at(
      childLocation(top.location, 'match'),
      `match: ${description}; fewer wildcards that fit the same values would do`,
    );
  }
  return { domain, root };
}

/** Whether the most specific rule is found; left out, rules are found as by envoyproxy/ratelimit. */
function readMatch(top: YamlNode, domain: string, faults: FaultSink): boolean {
  if (!Object.hasOwn(top.map, 'match')) return false;
  const match = optionalText(top, 'match', faults);
  if (match === undefined) return false;
  const location = childLocation(top.location, 'match');
  if (match !== 'most_specific') faults.at(location, 'match: must be most_specific, or left out');
  else if (domain === EDGE_DOMAIN) faults.at(location, `match: is not supported in the domain ${EDGE_DOMAIN}`);
  return match === 'most_specific';
}

/** What limits of this file have that name no algorithm; empty: what `parseLimit` takes. */
function readDefaultAlgorithm(top: YamlNode, faults: FaultSink): string {
  const map = fieldOf(top.map, 'defaults');
  if (map === undefined) return '';
  const location = childLocation(top.location, 'defaults');
  if (!isYamlMap(map)) {
    faults.at(location, 'defaults: must be a map with algorithm');
    return '';
  }
  const defaults = { map, location };
  knownFields(defaults, ['algorithm'], faults);
  const algorithm = optionalText(defaults, 'algorithm', faults) ?? '';
  const counted = ALGORITHMS.filter((known) => known !== 'unlimited');
  if (counted.includes(algorithm)) return algorithm;
  faults.at(childLocation(location, 'algorithm'), `defaults.algorithm: must be one of ${counted.join(', ')}`);
  return '';
}

/** A level of nested descriptors, and the way to it. */
interface Level {
  readonly node: RuleNode;
  readonly path: string;
  /** Of each level above, the wildcard whose values share their limits. */
  readonly sharedValues: readonly (string | undefined)[];
  /** Of each level above, what metrics name it by; undefined: with the value that is sent. */
  readonly metricParts: readonly (string | undefined)[];
}

class DescriptorsParser {
  readonly #faults: FaultSink;
  readonly #defaultAlgorithm: string;
  readonly #isEdge: boolean;
  /** By how they are written: thousands of rules are often a few limits. */
  readonly #limits = new Map<string, RuleLimits>();
  #placeholders = 0;

  constructor(faults: FaultSink, defaultAlgorithm: string, isEdge: boolean) {
    this.#faults = faults;
    this.#isEdge = isEdge;
    this.#defaultAlgorithm = defaultAlgorithm;
  }

  parse(parent: YamlNode, level: Level): void {
    const descriptors = fieldOf(parent.map, 'descriptors');
    if (descriptors === undefined) return;
    const location = childLocation(parent.location, 'descriptors');
    if (!isYamlList(descriptors)) {
      this.#faults.at(location, 'descriptors: must be a list');
      return;
    }
    if (level.sharedValues.length >= DEEPEST) {
      this.#faults.at(location, `descriptors: must be nested at most ${DEEPEST} deep`);
      return;
    }
    for (const [index, item] of descriptors.entries()) {
      descriptors[index] = null; // what has become rules need not be kept beside them
      if (isYamlMap(item)) this.#descriptor({ map: item, location: childLocation(location, index) }, level);
      else this.#faults.at(childLocation(location, index), 'descriptors: each must be a map with a key');
    }
  }

  #descriptor(item: YamlNode, parent: Level): void {
    const faults = this.#faults;
    knownFields(item, DESCRIPTOR_FIELDS, faults);
    const key = requiredText(item, 'key', faults) ?? this.#placeholder();
    const value = optionalText(item, 'value', faults) || undefined; // an empty value means any, as to envoyproxy/ratelimit
    if (key.includes('*')) faults.at(childLocation(item.location, 'key'), 'key: must have no "*"; values may');
    const path = childPath(parent.path, key, value);
    const node = addRuleNode(parent.node, key, value);
    if (node === undefined) {
      faults.at(item.location, `key: the descriptor ${path} is there twice`);
      return;
    }
    const shared = this.#sharedValue(item, value);
    const level = {
      node,
      path,
      sharedValues: [...parent.sharedValues, shared],
      metricParts: [...parent.metricParts, this.#metricPart(item, key, value, shared)],
    };
    node.rule = this.#rule(item, level);
    this.parse(item, level);
  }

  /** For a descriptor without a key, so that the faults of what it has are told as well. */
  #placeholder(): string {
    return `?${++this.#placeholders}`;
  }

  #rule(item: YamlNode, level: Level): Rule | undefined {
    const { path, sharedValues } = level;
    faultFlags(item, this.#faults);
    const ruleLimits = this.#limitsOf(item);
    const { limits, replaces } = ruleLimits;
    const modes = readModes(item, ruleLimits, this.#defaultAlgorithm, this.#faults);
    const metricParts = this.#metricParts(item, level);
    if (limits.length === 0) return undefined;
    if (this.#isEdge) faultAtEdge(item, limits, this.#faults);
    return {
      path,
      limits,
      ...modes,
      ...(replaces.length > 0 && { replaces }),
      ...(sharedValues.some((shared) => shared !== undefined) && { sharedValues }),
      ...(metricParts.some((part) => part === undefined) && { metricParts }),
    };
  }

  /** As in envoyproxy/ratelimit, whose `value_to_metric` counts for its own level, and `detailed_metric` for all. */
  #metricParts(item: YamlNode, { metricParts, sharedValues }: Level): readonly (string | undefined)[] {
    if (!optionalFlag(item, 'detailed_metric', this.#faults)) return metricParts;
    return metricParts.map((part, location) => (sharedValues[location] === undefined ? undefined : part));
  }

  #metricPart(item: YamlNode, key: string, value: string | undefined, shared: string | undefined): string | undefined {
    const isOpen = value === undefined || (value.includes('*') && shared === undefined);
    if (optionalFlag(item, 'value_to_metric', this.#faults) && isOpen) return undefined;
    return value === undefined ? key : `${key}_${value}`;
  }

  /** Equal ones are one object. */
  #limitsOf(item: YamlNode): RuleLimits {
    const { rate_limit, limits } = item.map;
    const written = JSON.stringify([rate_limit, limits]);
    const known = this.#limits.get(written);
    if (known !== undefined) return known;
    const before = this.#faults.count;
    const read = readLimits(item, this.#defaultAlgorithm, this.#faults);
    // What was faulty is faulty again wherever it stands.
    if (this.#faults.count === before) this.#limits.set(written, read);
    return read;
  }

  #sharedValue(item: YamlNode, value: string | undefined): string | undefined {
    if (!optionalFlag(item, 'share_threshold', this.#faults)) return undefined;
    if (value?.includes('*')) return value;
    this.#faults.at(
      childLocation(item.location, 'share_threshold'),
      'share_threshold: must stand beside a value with "*"',
    );
    return undefined;
  }
}
