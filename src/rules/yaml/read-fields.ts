import { suggestName } from '../../domain/validation/suggest-name.ts';
import { withFoundYaml } from './found-yaml.ts';
import type { FaultSink } from './rules-fault.ts';
import { childLocation, type YamlLocation } from './yaml-location.ts';
import { getField, isYamlSequence, TypedScalar, type YamlMapping, type YamlValue } from './yaml-values.ts';

/** A mapping of a file, and its location. */
export interface LocatedMapping {
  readonly mapping: YamlMapping;
  readonly location: YamlLocation;
}

/** Reads a string that must be present and not empty. Returns undefined, and reports a fault, if it is not. */
export function readRequiredString(from: LocatedMapping, field: string, faults: FaultSink): string | undefined {
  const string = readString(from, field, faults);
  if (string) return string;
  if (string === '' || !Object.hasOwn(from.mapping, field)) {
    faults.report(childLocation(from.location, field), withFoundYaml('must be a string that is not empty', string));
  }
  return undefined;
}

/**
 * Reads a string. Numbers and booleans count as strings, as written: YAML reads `value: 404` as a number. Returns
 * undefined if the field is absent, or if it is not a string, which is a fault.
 */
export function readString(
  { mapping, location }: LocatedMapping,
  field: string,
  faults: FaultSink,
): string | undefined {
  const value = getField(mapping, field);
  const text = scalarText(value);
  if (value === undefined || text !== undefined) return text;
  faults.report(childLocation(location, field), withFoundYaml('must be a string', value));
  return undefined;
}

/** Returns a scalar as it is written. undefined: the value is no scalar, or is absent or null. */
export function scalarText(value: YamlValue | undefined): string | undefined {
  if (value instanceof TypedScalar) return value.source;
  return typeof value === 'string' ? value : undefined;
}

/** Reads a boolean; false if the field is absent. */
export function readFlag(from: LocatedMapping, field: string, faults: FaultSink): boolean {
  const value = getField(from.mapping, field);
  const scalar = toJsValue(value);
  if (scalar === undefined || typeof scalar === 'boolean') return scalar === true;
  faults.report(childLocation(from.location, field), withFoundYaml('must be true or false', value));
  return false;
}

/** Whether a field is the boolean true. For fields whose faults `readFlag` reports elsewhere. */
export function isTrue({ mapping }: LocatedMapping, field: string): boolean {
  return toJsValue(getField(mapping, field)) === true;
}

/** Converts a value for a validator that does not know YAML. Numbers and booleans lose their source text, in lists too. */
export function toJsValue(value: YamlValue | undefined): unknown {
  if (isYamlSequence(value)) return value.map(toJsValue);
  return value instanceof TypedScalar ? value.value : value;
}

/**
 * Reports every field that is not in `names`. Ignoring it could drop a limit that its author relies on. A name that is
 * probably misspelled is corrected in the mapping, so that later faults are about its value, and not about a missing
 * field. `describeMisplaced` returns the fault of a field that is known but does not fit here, and undefined for all
 * other fields.
 */
export function rejectUnknownFields(
  { mapping, location }: LocatedMapping,
  names: readonly string[],
  faults: FaultSink,
  describeMisplaced: (name: string) => string | undefined = () => undefined,
): void {
  for (const name of Object.keys(mapping)) {
    if (names.includes(name)) continue;
    const misplaced = describeMisplaced(name);
    if (misplaced !== undefined) {
      faults.reportName(location, name, misplaced);
      continue;
    }
    const absentNames = names.filter((field) => !Object.hasOwn(mapping, field));
    const correctName = suggestName(name, absentNames);
    const hint =
      correctName === undefined ? `the known fields are ${names.join(', ')}` : `did you mean ${correctName}?`;
    faults.reportName(location, name, `unknown field; ${hint}`);
    if (correctName === undefined) continue;
    faults.renameField(location, name, correctName);
    mapping[correctName] = mapping[name] ?? null;
    delete mapping[name];
  }
}
