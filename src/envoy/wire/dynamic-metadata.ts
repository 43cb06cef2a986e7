import type { MetadataValue } from '../../domain/metadata.ts';
import { encodedBy } from '../headers/header-writer.ts';
import type { WireWriter } from './wire-writer.ts';

// Field numbers of google.protobuf (Struct, Value and ListValue).
const STRUCT = { fields: 1 };
const ENTRY = { key: 1, value: 2 };
const VALUE = { nullValue: 1, numberValue: 2, stringValue: 3, boolValue: 4, structValue: 5, listValue: 6 };
const LIST = { values: 1 };

/**
 * A google.protobuf.Struct, which Envoy gives to the filters after this one and to its access log. The entries stand in
 * it in the reverse order: the first one ends it.
 */
export function writeMetadata(
  into: WireWriter,
  field: number,
  entries: readonly (readonly [key: string, value: MetadataValue])[],
): void {
  const end = into.end();
  for (const [key, value] of entries) {
    const entryEnd = into.end();
    writeValue(into, value);
    into.nested(ENTRY.value, entryEnd);
    into.text(ENTRY.key, key);
    into.nested(STRUCT.fields, entryEnd);
  }
  into.nested(field, end);
}

/** Gives the field that tells who decided and nothing else; encoded once for each source, as there are few. */
export function sourceMetadata(field: number): (source: string) => Uint8Array {
  const known = new Map<string, Uint8Array>();
  return (source) => {
    let encoded = known.get(source);
    if (encoded === undefined) {
      encoded = encodedBy((into) => writeMetadata(into, field, [['source', source]]));
      known.set(source, encoded);
    }
    return encoded;
  };
}

/** The fields of a google.protobuf.Value: one of a oneof, which is there also where it is empty or 0. */
function writeValue(into: WireWriter, value: MetadataValue): void {
  if (typeof value === 'string' && value !== '') into.text(VALUE.stringValue, value);
  else if (typeof value === 'string') into.nested(VALUE.stringValue, into.end());
  else if (typeof value === 'number') into.double(VALUE.numberValue, value);
  else if (typeof value === 'boolean') into.oneofNumber(VALUE.boolValue, value ? 1 : 0);
  else if (value === null) into.oneofNumber(VALUE.nullValue, 0);
  else if (isList(value)) writeList(into, value);
  else writeMetadata(into, VALUE.structValue, Object.entries(value));
}

function writeList(into: WireWriter, list: readonly MetadataValue[]): void {
  const end = into.end();
  for (const value of list.toReversed()) {
    const valueEnd = into.end();
    writeValue(into, value);
    into.nested(LIST.values, valueEnd);
  }
  into.nested(VALUE.listValue, end);
}

function isList(value: MetadataValue): value is readonly MetadataValue[] {
  return Array.isArray(value);
}
