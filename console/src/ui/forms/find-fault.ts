import type { ApiError, FieldViolation } from '../../api/api-error.ts';

/** Whether a fault is that of a field, or of a part of it: `api_key.features[0]` is a part of `api_key.features`. */
export function isFaultOf(field: string, fault: FieldViolation): boolean {
  return fault.field === field || fault.field.startsWith(`${field}[`);
}

/**
 * Finds what is wrong with a field, as one text. Faults of its parts count and name the part: `[0]: must be …` for the field
 * `api_key.features` and a fault of `api_key.features[0]`. undefined: nothing is wrong.
 */
export function findFault(error: ApiError | undefined, field: string): string | undefined {
  const faults = error?.violations.filter((one) => isFaultOf(field, one)) ?? [];
  if (faults.length === 0) return undefined;
  const texts = faults.map(({ field: found, description }) => {
    const part = found.slice(field.length);
    return part === '' ? description : `${part}: ${description}`;
  });
  return texts.join('; ');
}
