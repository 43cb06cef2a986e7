import { withFound } from '../../domain/validation/found-value.ts';
import type { FieldViolations } from './field-violations.ts';

const MAX_DISPLAY_NAME_LENGTH = 200;

export function checkDisplayName(violations: FieldViolations, field: string, text: string): void {
  checkText(violations, field, text, MAX_DISPLAY_NAME_LENGTH);
}

/** Also those that reverse the order of what follows, so that a name looks like another one in a list or a terminal. */
const CONTROL_CHARACTER = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

/** Adds a violation for a text that is too long or has control characters. */
export function checkText(violations: FieldViolations, field: string, text: string, maxLength: number): void {
  if (text.length > maxLength) violations.add(field, `must be at most ${maxLength} characters (got ${text.length})`);
  if (CONTROL_CHARACTER.test(text)) violations.add(field, 'must not contain control characters');
}

/** Null if the time is absent. Adds a violation for a time that RFC 3339, and so the JSON form, cannot express. */
export function readTime(violations: FieldViolations, field: string, time: Date | undefined): Date | null {
  if (time === undefined) return null;
  if (!isExpressible(time)) violations.add(field, 'must be a time in the years 1 to 9999');
  return time;
}

/** Whether RFC 3339, and so Postgres and the JSON form, can express a time: in the years 1 to 9999. */
export function isExpressible(time: Date): boolean {
  return !Number.isNaN(time.getTime()) && time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9999;
}

/**
 * The fields that an update changes: those that `mask` names, or without a mask those that are set. `isSet` has all
 * fields that can be updated. `mask` is the JSON form of google.protobuf.FieldMask; names in snake_case are accepted
 * too. Adds a violation if nothing is updated: a field with its default value looks like one that is not set, so the
 * caller may believe that `disabled: false` without a mask enables a key.
 */
export function readUpdateMask<Field extends string>(
  violations: FieldViolations,
  mask: string,
  isSet: Readonly<Record<Field, boolean>>,
): ReadonlySet<Field> {
  const updatable = Object.keys(isSet) as Field[]; // Object.keys() returns string[] for every type of keys
  const listed = updatable.join(', ');
  if (mask === '') {
    const set = updatable.filter((field) => isSet[field]);
    if (set.length === 0) violations.add('update_mask', `must name the fields to update: none of ${listed} is set`);
    return new Set(set);
  }
  if (mask === '*') return new Set(updatable);
  const paths = mask
    .split(',')
    .map((path) => path.trim().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
  for (const path of paths) {
    if (updatable.some((field) => field === path)) continue;
    violations.add('update_mask', withFound(`must contain only ${listed}`, path));
  }
  return new Set(updatable.filter((field) => paths.includes(field)));
}

/** A timestamp of a response; `unixMs` is Unix time in ms. */
export function toTimestamp(unixMs: number | undefined): Date | undefined {
  return unixMs === undefined ? undefined : new Date(unixMs);
}
