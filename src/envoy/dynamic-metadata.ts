import type { WireWriter } from './wire-writer.ts';

// Field numbers of google.protobuf (Struct and Value).
const STRUCT = { fields: 1 };
const ENTRY = { key: 1, value: 2 };
const VALUE = { numberValue: 2, stringValue: 3 };

/**
 * A google.protobuf.Struct of texts and numbers, which Envoy gives to the filters after this one and to its access log.
 * They stand in it in the reverse order: the first one ends it.
 */
export function writeMetadata(
  into: WireWriter,
  field: number,
  entries: readonly (readonly [key: string, value: string | number])[],
): void {
  const end = into.end();
  for (const [key, value] of entries) {
    const entryEnd = into.end();
    if (typeof value === 'string') into.text(VALUE.stringValue, value);
    else into.double(VALUE.numberValue, value);
    into.nested(ENTRY.value, entryEnd);
    into.text(ENTRY.key, key);
    into.nested(STRUCT.fields, entryEnd);
  }
  into.nested(field, end);
}
