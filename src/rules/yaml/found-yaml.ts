import { withFound } from '../../domain/validation/found-value.ts';
import { isYamlMapping, TypedScalar, type YamlValue } from './yaml-values.ts';

const MAX_SHOWN_CHARACTERS = 40;

/**
 * Adds the found value to a description of what was expected, as `withFound` does: `must be a list (got a mapping)`.
 */
export function withFoundYaml(expected: string, found: YamlValue | undefined): string {
  if (isYamlMapping(found)) return `${expected} (got a mapping)`;
  if (!(found instanceof TypedScalar)) return withFound(expected, found);
  return `${expected} (got ${abbreviate(found.source)})`;
}

/** Shortens a name from a rules file so that a fault stays one readable line. Control characters become `?`. */
export function abbreviate(name: string): string {
  const shown = name.length > MAX_SHOWN_CHARACTERS ? `${name.slice(0, MAX_SHOWN_CHARACTERS - 1)}…` : name;
  return shown.replaceAll(/\p{C}/gu, '?');
}
