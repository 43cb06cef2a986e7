import type { Limit } from '../../domain/limits/limit.ts';
import { withFoundYaml } from '../yaml/found-yaml.ts';
import type { LocatedMapping } from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { childLocation, type YamlLocation } from '../yaml/yaml-location.ts';
import { getField, isYamlSequence, type YamlSequence } from '../yaml/yaml-values.ts';
import type { FileDefaults } from './file-defaults.ts';
import { readLimit } from './read-limit.ts';

const MAX_LIMITS = 16;

/** The limits of a descriptor. */
export interface RuleLimits {
  readonly limits: readonly Limit[];
  /** Names of limits that a request is not charged if it also matches this descriptor. */
  readonly replaces: readonly string[];
}

const NO_LIMITS: RuleLimits = { limits: [], replaces: [] };

/** Reads the limits of one descriptor: `rate_limit: {…}`, or several that are decided together, `limits: [{…}, …]`. */
export function readRuleLimits(
  { mapping, location }: LocatedMapping,
  defaults: FileDefaults,
  faults: FaultSink,
): RuleLimits {
  if (!Object.hasOwn(mapping, 'limits')) {
    const value = getField(mapping, 'rate_limit');
    if (value === undefined) return NO_LIMITS;
    if (isYamlSequence(value)) {
      const expected = 'must be a mapping; use limits for a list';
      faults.report(childLocation(location, 'rate_limit'), withFoundYaml(expected, value));
      return NO_LIMITS;
    }
    const { limit, replaces } = readLimit(value, childLocation(location, 'rate_limit'), defaults, faults);
    return { limits: limit === undefined ? [] : [limit], replaces };
  }
  const listLocation = childLocation(location, 'limits');
  if (Object.hasOwn(mapping, 'rate_limit')) {
    faults.report(listLocation, 'must not be combined with rate_limit; move that limit into the list');
  }
  const list = getField(mapping, 'limits');
  const expected = `must be a list of 1 to ${MAX_LIMITS} limits`;
  if (!isYamlSequence(list)) {
    faults.report(listLocation, withFoundYaml(expected, list));
    return NO_LIMITS;
  }
  if (list.length === 0 || list.length > MAX_LIMITS) {
    faults.report(listLocation, `${expected} (got ${list.length})`);
    return NO_LIMITS;
  }
  return readLimitList(list, listLocation, defaults, faults);
}

function readLimitList(
  list: YamlSequence,
  listLocation: YamlLocation,
  defaults: FileDefaults,
  faults: FaultSink,
): RuleLimits {
  const limits: Limit[] = [];
  const allReplaces: string[] = [];
  for (const [index, value] of list.entries()) {
    const location = childLocation(listLocation, index);
    const { limit, replaces } = readLimit(value, location, defaults, faults);
    allReplaces.push(...replaces);
    if (limit === undefined) continue;
    if (limits.some(({ name }) => name === limit.name)) {
      const expected = 'must be unique in its list; a limit without a name is named after its window';
      faults.report(childLocation(location, 'name'), withFoundYaml(expected, limit.name));
    }
    limits.push(limit);
  }
  return { limits, replaces: allReplaces };
}
