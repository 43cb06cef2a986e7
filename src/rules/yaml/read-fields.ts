import { suggestName } from './suggest-name.ts';
import type { FaultSink, YamlLocation } from './rules-fault.ts';
import { fieldOf, PlainScalar, type YamlMap, type YamlValue } from './yaml-values.ts';

/** A map of a file, and where it stands. */
export interface YamlNode {
  readonly map: YamlMap;
  readonly location: YamlLocation;
}

export function childLocation(parent: YamlLocation, step: string | number): YamlLocation {
  return { parent, step };
}

/** A text that is not empty; undefined, with a fault, where it is none. */
export function requiredText(from: YamlNode, field: string, faults: FaultSink): string | undefined {
  const text = optionalText(from, field, faults);
  if (text !== '' && (text !== undefined || Object.hasOwn(from.map, field))) return text;
  faults.at(childLocation(from.location, field), `${field}: must be a text that is not empty`);
  return undefined;
}

/** A text, as which YAML may also write a number (`value: 404`); undefined when absent. */
export function optionalText({ map, location }: YamlNode, field: string, faults: FaultSink): string | undefined {
  const value = fieldOf(map, field);
  if (value === undefined || typeof value === 'string') return value;
  if (value instanceof PlainScalar) return value.source;
  faults.at(childLocation(location, field), `${field}: must be a text`);
  return undefined;
}

/** false when absent. */
export function optionalFlag({ map, location }: YamlNode, field: string, faults: FaultSink): boolean {
  const value = fieldOf(map, field);
  if (value === undefined) return false;
  if (value instanceof PlainScalar && typeof value.value === 'boolean') return value.value;
  faults.at(childLocation(location, field), `${field}: must be true or false`);
  return false;
}

/** The value of a field as YAML reads it; null where it is a list or a map, which no field is. */
export function plainOf(map: YamlMap, field: string): string | number | boolean | null | undefined {
  return plain(fieldOf(map, field));
}

function plain(value: YamlValue | undefined): string | number | boolean | null | undefined {
  if (value instanceof PlainScalar) return value.value;
  return typeof value === 'object' ? null : value;
}

/**
 * What is written but not understood must not be dropped silently: it may have been meant to forbid something. What is
 * probably a field's name misspelt is read as that field from here on, so that its value's faults are told as well, and
 * not that the field is missing.
 */
export function knownFields({ map, location }: YamlNode, known: readonly string[], faults: FaultSink): void {
  for (const name of Object.keys(map)) {
    if (known.includes(name)) continue;
    const missing = known.filter((field) => !Object.hasOwn(map, field));
    const meant = suggestName(name, missing);
    const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
    faults.atKey(location, name, `${name || 'key'}: not supported here; ${hint}`);
    if (meant === undefined) continue;
    faults.rename(location, name, meant);
    map[meant] = map[name] ?? null;
    delete map[name];
  }
}
