import { parseWindow } from '../../domain/limits/limit-spec.ts';
import { childLocation, knownFields, optionalText, type YamlNode } from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { fieldOf, isYamlList, isYamlMap } from '../yaml/yaml-values.ts';

/**
 * The names in a limit's `replaces: [{name}, …]`, as in envoyproxy/ratelimit's README (example 7). `label` is where the
 * limit stands, to tell faults by.
 */
export function readReplaces({ map, location }: YamlNode, label: string, faults: FaultSink): readonly string[] {
  const list = fieldOf(map, 'replaces');
  if (list === undefined) return [];
  const listPlace = childLocation(location, 'replaces');
  if (!isYamlList(list)) {
    faults.at(listPlace, `${label}.replaces: must be a list of {name}`);
    return [];
  }
  const own = fieldOf(map, 'name');
  return list.flatMap((item, index) => {
    const where = `${label}.replaces[${index}]`;
    const itemPlace = childLocation(listPlace, index);
    if (!isYamlMap(item)) {
      faults.at(itemPlace, `${where}: must be a map with a name`);
      return [];
    }
    const placed = { map: item, location: itemPlace };
    knownFields(placed, ['name'], faults);
    const name = optionalText(placed, 'name', faults) ?? '';
    const fault = faultOfName(name, own);
    if (fault !== undefined) faults.at(childLocation(itemPlace, 'name'), `${where}.name: ${fault}`);
    return [name];
  });
}

function faultOfName(name: string, own: unknown): string | undefined {
  if (name === '') return 'must be the name of a limit';
  if (name === own) return 'must not be the name of the limit itself';
  // It would replace every limit of that window that was given no name.
  if (parseWindow(name) !== undefined) return `must be a name that was given to a limit; "${name}" is a window's`;
  return undefined;
}
