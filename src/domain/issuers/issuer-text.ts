import type { FieldFault } from '../validation/field-fault.ts';
import { withFound } from '../validation/found-value.ts';
import { isClaimPath } from './claim-path.ts';

const MAX_LIST_ITEMS = 64;
const MAX_TEXT_LENGTH = 255;
export const INVALID_TEXT = `must be 1 to ${MAX_TEXT_LENGTH} characters, without control characters`;
const INVALID_POINTER =
  'must be a JSON Pointer (RFC 6901), because it begins with /: a ~ within a name is written ~0, a / is written ~1';

export function isValidText(text: string): boolean {
  return text !== '' && text.length <= MAX_TEXT_LENGTH && !/\p{Cc}/u.test(text);
}

/** Validates a list of at least one text. */
export function validateList(field: string, values: readonly string[]): readonly FieldFault[] {
  if (values.length === 0) return [{ field, description: 'must have at least one item' }];
  return validateOptionalList(field, values);
}

/** Validates a list of texts that may be empty. */
export function validateOptionalList(field: string, values: readonly string[]): readonly FieldFault[] {
  if (values.length > MAX_LIST_ITEMS) {
    return [{ field, description: withFound(`must have at most ${MAX_LIST_ITEMS} items`, values.length) }];
  }
  return values.flatMap((value, index) => {
    return isValidText(value) ? [] : [{ field: `${field}[${index}]`, description: withFound(INVALID_TEXT, value) }];
  });
}

export function validateClaimPath(field: string, path: string): readonly FieldFault[] {
  if (!isValidText(path)) return [{ field, description: withFound(INVALID_TEXT, path) }];
  return isClaimPath(path) ? [] : [{ field, description: withFound(INVALID_POINTER, path) }];
}

/** Finds texts with a `*`. Weir compares literally, so somebody who writes one expects more than it would match. */
export function findWildcards(field: string, values: readonly string[]): readonly FieldFault[] {
  return values.flatMap((value, index) => {
    if (!value.includes('*')) return [];
    const description = withFound('must not contain *: Weir compares it literally and has no wildcards', value);
    return [{ field: `${field}[${index}]`, description }];
  });
}
