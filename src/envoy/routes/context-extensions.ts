import type { UnknownSettings } from '../../decide/check/configuration-fault.ts';
import { readEntryString, readMapEntry } from '../wire/map-entry.ts';
import { buildNameTable } from '../wire/name-table.ts';
import type { WireReader } from '../wire/wire-reader.ts';
import type { RouteSettings } from './route-settings.ts';
import { applySetting, applyUnknownKey, SETTING_KEYS } from './setting-table.ts';

const KEY_TABLE = buildNameTable(SETTING_KEYS);

/**
 * Reads the context extension at the reader and returns `settings` with it applied, or with the fault that it has.
 * Returns them unchanged for an extension that is not for Weir.
 */
export function applyContextExtension(
  reader: WireReader,
  settings: RouteSettings,
  unknownExtensions: UnknownSettings,
): RouteSettings {
  const { key, value } = readMapEntry(reader);
  if (key === 0) return settings;
  const index = reader.findNameAt(key, KEY_TABLE);
  if (index < 0) return applyUnknownKey(reader.readStringAt(key), settings, unknownExtensions);
  return applySetting(index, readEntryString(reader, value), settings, unknownExtensions, 'context extension');
}
