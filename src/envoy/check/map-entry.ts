import { LENGTH_DELIMITED, type WireReader } from '../wire/wire-reader.ts';

/** Field numbers of map entries and of envoy.config.core.v3.HeaderValue alike; `rawValue` is in the latter only. */
const ENTRY = { key: 1, value: 2, rawValue: 3 };

/** Where in the message the texts of an entry stand; 0, where nothing can stand, when absent. */
export interface EntryPositions {
  readonly key: number;
  readonly value: number;
}

const KEY_TAG = (ENTRY.key << 3) | LENGTH_DELIMITED;
const VALUE_TAG = (ENTRY.value << 3) | LENGTH_DELIMITED;
/** From here on a length takes two bytes. */
const LONG = 0x80;

/**
 * Reads an entry without making texts of it. A raw value goes before a value. Nearly all are written alike and seen
 * through at once: a key, then a value that ends where the entry does, in fewer than 128 bytes.
 */
export function readEntry(reader: WireReader): EntryPositions {
  const start = reader.position;
  const length = reader.byteAt(start);
  const keyLength = reader.byteAt(start + 2);
  const valueTag = start + 3 + keyLength;
  const isPlain =
    length < LONG &&
    reader.byteAt(start + 1) === KEY_TAG &&
    reader.byteAt(valueTag) === VALUE_TAG &&
    reader.byteAt(valueTag + 1) === length - keyLength - 4;
  if (!isPlain) return readAnyEntry(reader);
  reader.skip();
  return { key: start + 2, value: valueTag + 1 };
}

function readAnyEntry(reader: WireReader): EntryPositions {
  const outerEnd = reader.enter();
  let key = 0;
  let value = 0;
  let rawValue = 0;
  while (reader.next()) {
    if (reader.is(ENTRY.key, LENGTH_DELIMITED)) key = reader.position;
    else if (reader.is(ENTRY.value, LENGTH_DELIMITED)) value = reader.position;
    else if (reader.is(ENTRY.rawValue, LENGTH_DELIMITED)) rawValue = reader.position;
    reader.skip();
  }
  reader.leave(outerEnd);
  return { key, value: rawValue === 0 || reader.byteAt(rawValue) === 0 ? value : rawValue };
}

/** The text at a position of an entry; empty when absent. */
export function entryText(reader: WireReader, position: number): string {
  return position === 0 ? '' : reader.textAt(position);
}
