import type { ApiError } from '../../api/api-error.ts';

/**
 * Finds what is wrong with a field. A fault of a part of it counts and names the part: `[0]: must be …` for the field
 * `api_key.features` and a fault of `api_key.features[0]`. undefined: nothing is wrong.
 */
export function findFault(error: ApiError | undefined, field: string): string | undefined {
  const violation = error?.violations.find((one) => one.field === field || one.field.startsWith(`${field}[`));
  if (violation === undefined) return undefined;
  const part = violation.field.slice(field.length);
  return part === '' ? violation.description : `${part}: ${violation.description}`;
}
