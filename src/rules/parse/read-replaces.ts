import { parseWindow } from '../../domain/limits/limit-spec.ts';
import { withFoundYaml } from '../yaml/found-yaml.ts';
import { type LocatedMapping, readString, rejectUnknownFields } from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { childLocation } from '../yaml/yaml-location.ts';
import { getField, isYamlMapping, isYamlSequence, type YamlValue } from '../yaml/yaml-values.ts';

/** Reads the names in a limit's `replaces: [{name: …}, …]`, as in the README of envoyproxy/ratelimit (example 7). */
export function readReplaces({ mapping, location }: LocatedMapping, faults: FaultSink): readonly string[] {
  const list = getField(mapping, 'replaces');
  if (list === undefined) return [];
  const listLocation = childLocation(location, 'replaces');
  if (!isYamlSequence(list)) {
    faults.report(listLocation, withFoundYaml('must be a list of mappings with a name', list));
    return [];
  }
  const ownName = getField(mapping, 'name');
  return list.flatMap((item, index) => {
    const itemLocation = childLocation(listLocation, index);
    if (!isYamlMapping(item)) {
      faults.report(itemLocation, withFoundYaml('must be a mapping with a name', item));
      return [];
    }
    const replaced: LocatedMapping = { mapping: item, location: itemLocation };
    rejectUnknownFields(replaced, ['name'], faults);
    const name = readString(replaced, 'name', faults) ?? '';
    const expected = checkName(name, ownName);
    if (expected !== undefined) {
      faults.report(childLocation(itemLocation, 'name'), withFoundYaml(expected, getField(item, 'name')));
    }
    return [name];
  });
}

/** Returns what the name must be; undefined if it is valid. */
function checkName(name: string, ownName: YamlValue | undefined): string | undefined {
  if (name === '') return 'must be the name of a limit';
  if (name === ownName) return 'must not be the name of the limit itself';
  // A window would replace every limit with that window that has no name of its own.
  if (parseWindow(name) !== undefined) return 'must be a name that a limit sets itself, not a window';
  return undefined;
}
