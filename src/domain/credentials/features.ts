import type { FieldFault, Invalid } from '../validation/field-fault.ts';
import { quoteFound, withFound } from '../validation/found-value.ts';

/** A scope-token of OAuth (RFC 6749, section 3.3): visible ASCII except `"` and `\`. */
const FEATURE = /^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/;
const MAX_FEATURES = 64;

/**
 * Validates the names of features, which a plan, a key or a token grants. Returns the names, or every fault with its
 * path (`features[1]`). Never throws.
 */
export function parseFeatures(values: readonly unknown[]): readonly string[] | Invalid {
  const faults: FieldFault[] = [];
  if (values.length > MAX_FEATURES) {
    faults.push({
      field: 'features',
      description: withFound(`must have at most ${MAX_FEATURES} items`, values.length),
    });
  }
  const features: string[] = [];
  for (const [index, name] of values.entries()) {
    const field = `features[${index}]`;
    if (typeof name !== 'string' || !FEATURE.test(name)) {
      const expected =
        'must be 1 to 255 characters, as in an OAuth scope: visible ASCII except double quotes and backslashes';
      faults.push({ field, description: withFound(expected, name) });
    } else if (features.includes(name)) {
      faults.push({ field, description: `must be unique: ${quoteFound(name)} is listed before` });
    } else {
      features.push(name);
    }
  }
  return faults.length === 0 ? features : { faults };
}
