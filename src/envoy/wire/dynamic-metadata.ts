import type { MetadataValue } from '../../domain/metadata.ts';
import { encodeToBytes, type WireWriter } from './wire-writer.ts';

// Field numbers of google.protobuf (Struct, Value and ListValue).
const STRUCT = { fields: 1 };
const ENTRY = { key: 1, value: 2 };
const VALUE = { nullValue: 1, numberValue: 2, stringValue: 3, boolValue: 4, structValue: 5, listValue: 6 };
const LIST = { values: 1 };

/**
 * Writes dynamic metadata, a google.protobuf.Struct. Envoy gives it to the filters after this one and to its access log.
 * The entries end up in reverse order: the first one is the last in the message.
 */
export function writeMetadata(
  into: WireWriter,
  field: number,
  entries: readonly (readonly [key: string, value: MetadataValue])[],
): void {
  const struct = into.beginNested();
  writeEntries(into, entries);
  into.endNested(field, struct);
}

/** Encodes entries of a Struct, to be written between `beginNested` and `endNested` of it. */
export function encodeEntries(entries: readonly (readonly [key: string, value: MetadataValue])[]): Uint8Array {
  return encodeToBytes((into) => writeEntries(into, entries));
}

function writeEntries(into: WireWriter, entries: readonly (readonly [key: string, value: MetadataValue])[]): void {
  for (const [key, value] of entries) {
    const entry = into.beginNested();
    writeValue(into, value);
    into.endNested(ENTRY.value, entry);
    into.writeString(ENTRY.key, key);
    into.endNested(STRUCT.fields, entry);
  }
}

/** Encodes the key of an entry, for `writeStringEntry` and `writeDigitsEntry`. */
export function encodeEntryKey(key: string): Uint8Array {
  return encodeToBytes((into) => into.writeString(ENTRY.key, key));
}

/**
 * Writes an entry whose value is a string, between `beginNested` and `endNested` of the Struct. Writes nothing if the
 * value is empty.
 */
export function writeStringEntry(into: WireWriter, key: Uint8Array, value: string): void {
  if (value === '') return;
  const entry = into.beginNested();
  into.writeString(VALUE.stringValue, value);
  endEntry(into, key, entry);
}

/** Writes an entry whose value is a string of ASCII characters, at least one. */
export function writeAsciiEntry(into: WireWriter, key: Uint8Array, value: string): void {
  const entry = into.beginNested();
  into.writeAsciiPart(value);
  into.endNested(VALUE.stringValue, entry);
  endEntry(into, key, entry);
}

/** Writes an entry whose value is a string of digits: an integer from 0 to 2^53. */
export function writeDigitsEntry(into: WireWriter, key: Uint8Array, value: number): void {
  const entry = into.beginNested();
  into.writeDigitsPart(value);
  into.endNested(VALUE.stringValue, entry);
  endEntry(into, key, entry);
}

function endEntry(into: WireWriter, key: Uint8Array, entry: number): void {
  into.endNested(ENTRY.value, entry);
  into.writeEncoded(key);
  into.endNested(STRUCT.fields, entry);
}

/** Encodes an entry whose value is a string. Returns no bytes if the value is absent or empty. */
export function encodeStringEntry(key: string, value: string | undefined): Uint8Array {
  const encodedKey = encodeEntryKey(key);
  return encodeToBytes((into) => writeStringEntry(into, encodedKey, value ?? ''));
}

/**
 * Creates a function that returns the metadata field with `source` as its only entry. `source` says who decided; there
 * are few of them, so each is encoded once.
 */
export function createSourceEncoder(field: number): (source: string) => Uint8Array {
  const cache = new Map<string, Uint8Array>();
  return (source) => {
    let encoded = cache.get(source);
    if (encoded === undefined) {
      encoded = encodeToBytes((into) => writeMetadata(into, field, [['source', source]]));
      cache.set(source, encoded);
    }
    return encoded;
  };
}

/** Writes the field of a google.protobuf.Value. It is a oneof, so the field is present even if it is empty or 0. */
function writeValue(into: WireWriter, value: MetadataValue): void {
  if (typeof value === 'string' && value !== '') into.writeString(VALUE.stringValue, value);
  else if (typeof value === 'string') into.writeEmpty(VALUE.stringValue);
  else if (typeof value === 'number') into.writeOneofDouble(VALUE.numberValue, value);
  else if (typeof value === 'boolean') into.writeOneofInteger(VALUE.boolValue, value ? 1 : 0);
  else if (value === null) into.writeOneofInteger(VALUE.nullValue, 0);
  else if (isList(value)) writeList(into, value);
  else writeMetadata(into, VALUE.structValue, Object.entries(value));
}

function writeList(into: WireWriter, list: readonly MetadataValue[]): void {
  const listValue = into.beginNested();
  for (const item of list.toReversed()) {
    const itemValue = into.beginNested();
    writeValue(into, item);
    into.endNested(LIST.values, itemValue);
  }
  into.endNested(VALUE.listValue, listValue);
}

function isList(value: MetadataValue): value is readonly MetadataValue[] {
  return Array.isArray(value);
}
