/** Any value of a google.protobuf.Struct. */
export type MetadataValue = string | number | boolean | null | readonly MetadataValue[] | Metadata;

export interface Metadata {
  readonly [key: string]: MetadataValue;
}

/** Merges maps, nested ones recursively. If two have the same key, the first value wins. */
export function mergeMetadata(parts: readonly Metadata[]): Metadata {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const merged = new Map<string, MetadataValue>();
  for (const part of parts) {
    for (const [key, value] of Object.entries(part)) {
      const existing = merged.get(key);
      if (existing === undefined) merged.set(key, value);
      else if (isMetadata(existing) && isMetadata(value)) merged.set(key, mergeMetadata([existing, value]));
    }
  }
  return Object.fromEntries(merged);
}

function isMetadata(value: MetadataValue): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
