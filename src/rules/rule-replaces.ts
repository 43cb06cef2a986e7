import { isMap, isSeq, type YAMLMap } from 'yaml';
import { parseWindow } from '../core/written-limit.ts';
import type { YamlReader } from './yaml-reader.ts';

/**
 * The names in a limit's `replaces: [{name}, …]`, as in envoyproxy/ratelimit's README (example 7). `place` is where the
 * limit stands, to tell faults by.
 */
export function readReplaces(written: YAMLMap, place: string, reader: YamlReader): readonly string[] {
  const list = written.get('replaces', true) as unknown; // the library types it as a scalar only
  if (list === undefined) return [];
  if (!isSeq(list)) {
    reader.faultAt(list, `${place}.replaces: must be a list of {name}`);
    return [];
  }
  const own = written.get('name') as unknown; // the library types no values
  return list.items.flatMap((item, index) => {
    const where = `${place}.replaces[${index}]`;
    if (!isMap(item)) {
      reader.faultAt(item, `${where}: must be a map with a name`);
      return [];
    }
    reader.knownFields(item, ['name']);
    const name = reader.textOf(item, 'name') ?? '';
    const fault = faultOfName(name, own);
    if (fault !== undefined) reader.faultAt(item.get('name', true) ?? item, `${where}.name: ${fault}`);
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
