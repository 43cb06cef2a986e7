import type { FieldFault, Invalid } from '../field-fault.ts';
import { withFound } from '../found-value.ts';

const FEATURE = /^[a-z0-9_-]{1,63}$/;
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
      faults.push({ field, description: withFound('must be 1 to 63 characters of a-z, 0-9, "-" and "_"', name) });
    } else if (features.includes(name)) {
      faults.push({ field, description: `must be unique: "${name}" is listed before` });
    } else {
      features.push(name);
    }
  }
  return faults.length === 0 ? features : { faults };
}
