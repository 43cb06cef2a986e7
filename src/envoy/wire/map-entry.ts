import { LENGTH_DELIMITED, type WireReader } from './wire-reader.ts';

/** Field numbers of protobuf map entries and of envoy.config.core.v3.HeaderValue; only the latter has `rawValue`. */
const ENTRY = { key: 1, value: 2, rawValue: 3 };

const KEY_TAG = (ENTRY.key << 3) | LENGTH_DELIMITED;
const VALUE_TAG = (ENTRY.value << 3) | LENGTH_DELIMITED;
/** Lengths from this value on take two bytes or more. */
const MIN_TWO_BYTE_LENGTH = 0x80;

/** Positions in the message of an entry's key and value; 0, where neither can be, for an absent one. */
export interface MapEntryPositions {
  readonly key: number;
  readonly value: number;
}

/**
 * Reads a map entry or a HeaderValue without creating strings. A raw value takes precedence over a value. Nearly all
 * entries have the same form: a key, then a value that ends where the entry ends, in fewer than 128 bytes. That form is
 * recognized by four bytes, without walking the fields.
 */
export function readMapEntry(reader: WireReader): MapEntryPositions {
  const start = reader.position;
  const length = reader.byteAt(start);
  const keyLength = reader.byteAt(start + 2);
  const valueTag = start + 3 + keyLength;
  const hasUsualForm =
    length < MIN_TWO_BYTE_LENGTH &&
    reader.byteAt(start + 1) === KEY_TAG &&
    reader.byteAt(valueTag) === VALUE_TAG &&
    reader.byteAt(valueTag + 1) === length - keyLength - 4;
  if (!hasUsualForm) return walkMapEntry(reader);
  reader.skipField();
  return { key: start + 2, value: valueTag + 1 };
}

function walkMapEntry(reader: WireReader): MapEntryPositions {
  const outerEnd = reader.enterMessage();
  let key = 0;
  let value = 0;
  let rawValue = 0;
  while (reader.nextField()) {
    if (reader.isField(ENTRY.key, LENGTH_DELIMITED)) key = reader.position;
    else if (reader.isField(ENTRY.value, LENGTH_DELIMITED)) value = reader.position;
    else if (reader.isField(ENTRY.rawValue, LENGTH_DELIMITED)) rawValue = reader.position;
    reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  const hasRawValue = rawValue !== 0 && reader.byteAt(rawValue) !== 0; // an empty one counts as absent
  return { key, value: hasRawValue ? rawValue : value };
}

/** Reads the string at a position of `MapEntryPositions`; empty when absent. */
export function readEntryString(reader: WireReader, position: number): string {
  return position === 0 ? '' : reader.readStringAt(position);
}
