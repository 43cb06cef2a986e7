import type { FieldFault } from '../validation/field-fault.ts';
import { withFound } from '../validation/found-value.ts';

/** Names that Weir writes into the dynamic metadata of Check. A limit with one of them would hide the entry. */
export const RESERVED_METADATA_KEYS: readonly string[] = [
  ...['account', 'api_key', 'plan', 'source', 'remaining', 'request_id'],
  ...['code', 'extension', 'rule', 'limit', 'limits'],
];

const METADATA_KEY = /^[A-Za-z0-9_.-]{1,63}$/;

/**
 * Validates the key under which Check publishes a limit in its dynamic metadata, next to its name. Returns undefined if it
 * is left out, or is not valid, which is a fault.
 */
export function parseMetadataKey(value: unknown, faults: FieldFault[]): string | undefined {
  if (value === undefined || value === '') return undefined;
  const field = 'metadata_key';
  if (typeof value !== 'string' || !METADATA_KEY.test(value)) {
    const expected = 'must be 1 to 63 letters, digits, "_", "-" and "."';
    faults.push({ field, description: withFound(expected, value) });
    return undefined;
  }
  if (!RESERVED_METADATA_KEYS.includes(value)) return value;
  faults.push({ field, description: withFound('must not be a name that Check writes itself', value) });
  return undefined;
}
