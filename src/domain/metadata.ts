/** What a google.protobuf.Struct can hold: texts, numbers, true and false, null, and lists and maps of them. */
export type MetadataValue = string | number | boolean | null | readonly MetadataValue[] | Metadata;

export interface Metadata {
  readonly [key: string]: MetadataValue;
}

/** All that they hold; where two have the same key the first one counts, but for maps, which are merged likewise. */
export function mergeMetadata(each: readonly Metadata[]): Metadata {
  const [only] = each;
  if (only !== undefined && each.length === 1) return only;
  const merged = new Map<string, MetadataValue>();
  for (const metadata of each) {
    for (const [key, value] of Object.entries(metadata)) {
      const before = merged.get(key);
      if (before === undefined) merged.set(key, value);
      else if (isMetadata(before) && isMetadata(value)) merged.set(key, mergeMetadata([before, value]));
    }
  }
  return Object.fromEntries(merged);
}

function isMetadata(value: MetadataValue): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
