import { WireWriter } from './wire-writer.ts';

// Field and enum numbers of envoy.config.core.v3 (proto/envoy/config/core/v3).
const HEADER_VALUE_OPTION = { header: 1, append: 2, appendAction: 3 };
const OVERWRITE_IF_EXISTS_OR_ADD = 2;
const HEADER_VALUE = { key: 1, value: 2 };

const scratch = new WireWriter();

/** What `write` writes, in memory of its own. */
export function encodedBy(write: (into: WireWriter) => void): Uint8Array {
  scratch.begin();
  write(scratch);
  return Uint8Array.from(scratch.finish());
}

/** Both ways of saying "overwrite" are set: an Envoy that knows one of them must not add beside the client's own value. */
const OVERWRITE = encodedBy((into) => {
  into.number(HEADER_VALUE_OPTION.appendAction, OVERWRITE_IF_EXISTS_OR_ADD);
  into.nested(HEADER_VALUE_OPTION.append, into.end()); // a BoolValue of false is a message without fields
});

/** A header's name as `endHeader` takes it: names are few, so each is encoded once. */
export function headerName(name: string): Uint8Array {
  return encodedBy((into) => into.text(HEADER_VALUE.key, name));
}

/** Begins a HeaderValueOption that overwrites; its value is to be written next, in parts without tags. */
export function beginHeader(into: WireWriter): number {
  into.encoded(OVERWRITE);
  return into.end();
}

/** Ends a header that `beginHeader` began where it says, as an item of the repeated field. */
export function endHeader(into: WireWriter, field: number, name: Uint8Array, end: number): void {
  into.nested(HEADER_VALUE.value, end);
  endNamed(into, field, name, end);
}

/** A HeaderValueOption that overwrites, as an item of the repeated field. */
export function writeHeader(into: WireWriter, field: number, name: Uint8Array, value: string): void {
  const end = beginHeader(into);
  into.text(HEADER_VALUE.value, value);
  endNamed(into, field, name, end);
}

function endNamed(into: WireWriter, field: number, name: Uint8Array, end: number): void {
  into.encoded(name);
  into.nested(HEADER_VALUE_OPTION.header, end);
  into.nested(field, end - OVERWRITE.length);
}
