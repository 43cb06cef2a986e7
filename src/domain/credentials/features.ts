import type { Fault } from '../limits/limit-spec.ts';

const NAME = /^[a-z0-9_-]{1,63}$/;
const MOST_FEATURES = 64;

/** Names of what a plan or a key may use beyond the ordinary, or every fault with its place (`features[1]`). Never throws. */
export function parseFeatures(written: readonly unknown[]): readonly string[] | { readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  if (written.length > MOST_FEATURES)
    faults.push({ field: 'features', description: `must be at most ${MOST_FEATURES}` });
  const features: string[] = [];
  for (const [index, name] of written.entries()) {
    const field = `features[${index}]`;
    if (typeof name !== 'string' || !NAME.test(name)) {
      faults.push({ field, description: 'must be 1 to 63 characters of a-z, 0-9, "-" and "_"' });
    } else if (features.includes(name)) {
      faults.push({ field, description: `must be unique; "${name}" is there already` });
    } else {
      features.push(name);
    }
  }
  return faults.length === 0 ? features : { faults };
}
