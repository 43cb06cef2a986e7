import { describeNetworkFault, isAddressKey } from '../../domain/rules/network-index.ts';
import { matchesCombinations } from '../../domain/rules/reserved-domains.ts';
import type { Rule } from '../../domain/rules/rule.ts';
import { addRuleNode, childPath, isPattern, type RuleNode } from '../../domain/rules/rule-book.ts';
import { abbreviate, withFoundYaml } from '../yaml/found-yaml.ts';
import {
  type LocatedMapping,
  readFlag,
  readRequiredString,
  readString,
  rejectUnknownFields,
} from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { childLocation } from '../yaml/yaml-location.ts';
import { getField, isYamlMapping, isYamlSequence } from '../yaml/yaml-values.ts';
import type { FileDefaults } from './file-defaults.ts';
import { type RuleLimits, readRuleLimits } from './read-rule-limits.ts';
import { checkModeFlags, readModes, rejectUnsupportedInDomain } from './rule-modes.ts';

/** Nobody nests deeper by hand. Deeper nesting is a mistake or an attack, and would exhaust the call stack. */
const MAX_DEPTH = 32;

const DESCRIPTOR_FIELDS: readonly string[] = [
  ...['key', 'value', 'rate_limit', 'limits', 'descriptors', 'shadow_mode', 'share_threshold'],
  ...['quota_mode', 'detailed_metric', 'value_to_metric', 'metadata', 'candidate'],
];

/** A node of the rule tree, and what the rules below it take from the levels down to it. */
export interface Branch {
  readonly node: RuleNode;
  readonly path: string;
  /** By level: the wildcard whose values share their limits. */
  readonly sharedValues: readonly (string | undefined)[];
  /** By level: the part of the name that metrics give the rule. undefined: key and sent value. */
  readonly metricParts: readonly (string | undefined)[];
}

/** Finds the other file that has a descriptor at the top of a domain; undefined: none has. */
export type FileFinder = (domain: string, key: string, value: string | undefined) => string | undefined;

/** Parses the nested `descriptors` of one file into a tree of rules. */
export class DescriptorParser {
  readonly #faults: FaultSink;
  readonly #defaults: FileDefaults;
  readonly #domain: string;
  readonly #findFile: FileFinder;
  /** By their text. Thousands of rules often have only a few different limits. */
  readonly #limitsByText = new Map<string, RuleLimits>();
  #placeholders = 0;

  constructor(faults: FaultSink, defaults: FileDefaults, domain: string, findFile: FileFinder) {
    this.#faults = faults;
    this.#domain = domain;
    this.#findFile = findFile;
    this.#defaults = defaults;
  }

  /** Adds the `descriptors` of a mapping to its branch, and everything below them. */
  parseChildren(parent: LocatedMapping, branch: Branch): void {
    const descriptors = getField(parent.mapping, 'descriptors');
    if (descriptors === undefined) return;
    const location = childLocation(parent.location, 'descriptors');
    if (!isYamlSequence(descriptors)) {
      this.#faults.report(location, withFoundYaml('must be a list', descriptors));
      return;
    }
    if (branch.sharedValues.length >= MAX_DEPTH) {
      this.#faults.report(location, `must be nested at most ${MAX_DEPTH} levels deep`);
      return;
    }
    for (const [index, item] of descriptors.entries()) {
      descriptors[index] = null; // frees the memory of what has become rules
      const itemLocation = childLocation(location, index);
      if (isYamlMapping(item)) this.#parseDescriptor({ mapping: item, location: itemLocation }, branch);
      else this.#faults.report(itemLocation, withFoundYaml('must be a mapping with a key', item));
    }
  }

  #parseDescriptor(descriptor: LocatedMapping, parent: Branch): void {
    const faults = this.#faults;
    rejectUnknownFields(descriptor, DESCRIPTOR_FIELDS, faults);
    const key = readRequiredString(descriptor, 'key', faults) ?? this.#placeholderKey();
    // An empty value means any value, as in envoyproxy/ratelimit.
    const value = readString(descriptor, 'value', faults) || undefined;
    if (key.includes('*')) {
      const expected = 'must not contain "*": only values can have wildcards';
      faults.report(childLocation(descriptor.location, 'key'), withFoundYaml(expected, key));
    }
    const networkFault = value === undefined || !isAddressKey(key) ? undefined : describeNetworkFault(value);
    if (networkFault !== undefined) {
      faults.report(childLocation(descriptor.location, 'value'), withFoundYaml(networkFault, value));
    }
    const path = childPath(parent.path, key, value);
    const node = addRuleNode(parent.node, key, value);
    if (node === undefined) {
      faults.report(
        descriptor.location,
        `must differ in key or value from the descriptors before it ("${abbreviate(path)}" already exists); ` +
          'use limits for several limits',
      );
      return;
    }
    const isAtTop = parent.sharedValues.length === 0;
    const otherFile = isAtTop ? this.#findFile(this.#domain, key, value) : undefined;
    if (otherFile !== undefined) {
      faults.report(
        descriptor.location,
        `must differ in key or value from the descriptors of other files ("${abbreviate(path)}" is also in ${otherFile})`,
      );
    }
    const sharedValue = this.#readSharedValue(descriptor, key, value);
    const branch: Branch = {
      node,
      path,
      sharedValues: [...parent.sharedValues, sharedValue],
      metricParts: [...parent.metricParts, this.#readMetricPart(descriptor, key, value, sharedValue)],
    };
    node.rule = this.#readRule(descriptor, branch);
    this.parseChildren(descriptor, branch);
  }

  /** A unique key for a descriptor without one, so that the faults of its other fields are reported as well. */
  #placeholderKey(): string {
    return `?${++this.#placeholders}`;
  }

  /** undefined: the descriptor has no limits. */
  #readRule(descriptor: LocatedMapping, branch: Branch): Rule | undefined {
    const { path, sharedValues } = branch;
    checkModeFlags(descriptor, this.#faults);
    const ruleLimits = this.#readLimits(descriptor);
    const { limits, replaces } = ruleLimits;
    const modes = readModes(descriptor, ruleLimits, this.#defaults, this.#faults);
    const metricParts = this.#readMetricParts(descriptor, branch);
    if (limits.length === 0) return undefined;
    if (this.#isOwnDomain()) rejectUnsupportedInDomain(descriptor, limits, this.#domain, this.#faults);
    return {
      path,
      limits,
      ...modes,
      ...(replaces.length > 0 && { replaces }),
      ...(sharedValues.some((value) => value !== undefined) && { sharedValues }),
      ...(metricParts.some((part) => part === undefined) && { metricParts }),
    };
  }

  /** Whether Weir charges the domain itself. */
  #isOwnDomain(): boolean {
    return this.#defaults.envoyproxy === undefined && matchesCombinations(this.#domain);
  }

  /** Returns the same object for limits with the same text. */
  #readLimits(descriptor: LocatedMapping): RuleLimits {
    const { rate_limit, limits } = descriptor.mapping;
    const text = JSON.stringify([rate_limit, limits]);
    const cached = this.#limitsByText.get(text);
    if (cached !== undefined) return cached;
    const faultsBefore = this.#faults.count;
    const ruleLimits = readRuleLimits(descriptor, this.#defaults, this.#faults);
    // Faulty limits are not cached: their faults are reported at each place.
    if (this.#faults.count === faultsBefore) this.#limitsByText.set(text, ruleLimits);
    return ruleLimits;
  }

  #readSharedValue(descriptor: LocatedMapping, key: string, value: string | undefined): string | undefined {
    if (!readFlag(descriptor, 'share_threshold', this.#faults)) return undefined;
    if (value !== undefined && isPattern(key, value)) return value;
    const pattern = isAddressKey(key) ? 'contains "*" or is a network' : 'contains "*"';
    this.#faults.report(
      childLocation(descriptor.location, 'share_threshold'),
      `must be left out unless value ${pattern}`,
    );
    return undefined;
  }

  /** As in envoyproxy/ratelimit, `value_to_metric` affects its own level only. */
  #readMetricPart(
    descriptor: LocatedMapping,
    key: string,
    value: string | undefined,
    sharedValue: string | undefined,
  ): string | undefined {
    const isOpen = isPattern(key, value) && sharedValue === undefined;
    if (readFlag(descriptor, 'value_to_metric', this.#faults) && isOpen) return undefined;
    return value === undefined ? key : `${key}_${value}`;
  }

  /** As in envoyproxy/ratelimit, `detailed_metric` affects all levels. */
  #readMetricParts(descriptor: LocatedMapping, { metricParts, sharedValues }: Branch): readonly (string | undefined)[] {
    if (!readFlag(descriptor, 'detailed_metric', this.#faults)) return metricParts;
    return metricParts.map((part, level) => (sharedValues[level] === undefined ? undefined : part));
  }
}
