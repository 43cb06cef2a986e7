import { ALGORITHMS } from '../../domain/limits/parse-limit.ts';
import { maxNodesVisited } from '../../domain/rules/match-most-specific.ts';
import { matchesCombinations } from '../../domain/rules/reserved-domains.ts';
import { createRuleNode, type DomainRules } from '../../domain/rules/rule-book.ts';
import { withFoundYaml } from '../yaml/found-yaml.ts';
import { type LocatedMapping, readRequiredString, readString, rejectUnknownFields } from '../yaml/read-fields.ts';
import { readYaml } from '../yaml/read-yaml.ts';
import type { FaultSink, RulesFault } from '../yaml/rules-fault.ts';
import { childLocation } from '../yaml/yaml-location.ts';
import { getField, isYamlMapping, type YamlMapping } from '../yaml/yaml-values.ts';
import { DescriptorParser, type FileFinder } from './descriptor-parser.ts';
import type { EnvoyproxyReading } from './file-defaults.ts';

/** The rules of one file. */
export interface ParsedRules {
  readonly domain: string;
  readonly root: DomainRules;
}

interface FileReading {
  readonly findFile: FileFinder;
  readonly envoyproxy: EnvoyproxyReading | undefined;
}

/** Nodes that one lookup may visit in a domain where the most specific rule wins: some 50 µs, whatever the request. */
const MAX_NODES_VISITED = 1000;

/** No other file has descriptors of the same domain. */
const FIND_NO_FILE: FileFinder = () => undefined;

/** Algorithms that can be the default of a file. */
const DEFAULT_ALGORITHMS = ALGORITHMS.filter((algorithm) => algorithm !== 'unlimited' && algorithm !== 'credits');

/**
 * Parses one rules file in the format of envoyproxy/ratelimit, which docs/rules.md describes. Returns the rules, or all
 * faults. Never throws.
 *
 * If several files may have the same domain, `findFile` finds the earlier file that has a descriptor, which this file
 * must not have. `envoyproxy`: the file is read as that service reads it.
 */
export function parseRules(
  file: string,
  text: string,
  findFile: FileFinder = FIND_NO_FILE,
  envoyproxy?: EnvoyproxyReading,
): ParsedRules | readonly RulesFault[] {
  const source = { file, text, expected: 'must be a mapping with a domain and descriptors' };
  const read = readYaml(source, (contents, faults) => readContents(contents, { findFile, envoyproxy }, faults));
  return 'faults' in read ? read.faults : read.result;
}

function readContents(contents: YamlMapping, { findFile, envoyproxy }: FileReading, faults: FaultSink): ParsedRules {
  const top: LocatedMapping = { mapping: contents, location: undefined };
  rejectUnknownFields(top, ['domain', 'match', 'defaults', 'descriptors'], faults);
  const domain = readRequiredString(top, 'domain', faults) ?? '';
  const isMostSpecific = readMatch(top, domain, faults);
  const root: DomainRules = isMostSpecific ? { ...createRuleNode(), isMostSpecific: true } : createRuleNode();
  const algorithm = readDefaultAlgorithm(top, faults) || (envoyproxy === undefined ? '' : 'fixed_window');
  const parser = new DescriptorParser(faults, { algorithm, envoyproxy }, domain, findFile);
  parser.parseChildren(top, { node: root, path: domain, sharedValues: [], metricParts: [] });
  const expensive = isMostSpecific ? describeExpensiveLookups(root) : undefined;
  if (expensive !== undefined) faults.report(childLocation(undefined, 'match'), expensive);
  return { domain, root };
}

/** Returns whether the most specific rule wins. By default, rules match as in envoyproxy/ratelimit. */
function readMatch(top: LocatedMapping, domain: string, faults: FaultSink): boolean {
  if (!Object.hasOwn(top.mapping, 'match')) return false;
  const match = readString(top, 'match', faults);
  if (match === undefined) return false;
  const location = childLocation(top.location, 'match');
  if (match !== 'most_specific') faults.report(location, withFoundYaml('must be most_specific, or left out', match));
  else if (matchesCombinations(domain)) faults.report(location, `must be left out in the domain ${domain}`);
  return match === 'most_specific';
}

/** Describes the fault of a domain in which lookups for the most specific rule take too long; undefined: none do. */
export function describeExpensiveLookups(root: DomainRules): string | undefined {
  const visited = maxNodesVisited(root);
  if (visited <= MAX_NODES_VISITED) return undefined;
  return (
    `must be left out unless each lookup visits at most ${MAX_NODES_VISITED} descriptors ` +
    `(one could visit ${visited}); use fewer wildcards that match the same values`
  );
}

/** Returns the algorithm of limits that name none. Empty if the file has no default: `parseLimit` then chooses. */
function readDefaultAlgorithm(top: LocatedMapping, faults: FaultSink): string {
  const mapping = getField(top.mapping, 'defaults');
  if (mapping === undefined) return '';
  const location = childLocation(top.location, 'defaults');
  if (!isYamlMapping(mapping)) {
    faults.report(location, withFoundYaml('must be a mapping with an algorithm', mapping));
    return '';
  }
  const defaults: LocatedMapping = { mapping, location };
  rejectUnknownFields(defaults, ['algorithm'], faults);
  const algorithm = readString(defaults, 'algorithm', faults) ?? '';
  if (DEFAULT_ALGORITHMS.includes(algorithm)) return algorithm;
  const expected = `must be one of ${DEFAULT_ALGORITHMS.join(', ')}`;
  faults.report(childLocation(location, 'algorithm'), withFoundYaml(expected, getField(mapping, 'algorithm')));
  return '';
}
