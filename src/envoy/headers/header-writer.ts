import { encodeToBytes, type WireWriter } from '../wire/wire-writer.ts';

// Field and enum numbers of envoy.config.core.v3 (proto/envoy/config/core/v3).
const HEADER_VALUE_OPTION = { header: 1, append: 2, appendAction: 3 };
const OVERWRITE_IF_EXISTS_OR_ADD = 2;
const HEADER_VALUE = { key: 1, value: 2 };

/** Encodes a header name in the form that `HeaderWriter` takes. Names are few, so each is encoded once. */
export function encodeHeaderName(name: string): Uint8Array {
  return encodeToBytes((into) => into.writeString(HEADER_VALUE.key, name));
}

/** Writes headers, each as an item of a repeated field. The two implementations differ in the message of an item. */
export interface HeaderWriter {
  /** Begins a header. Write its value next, in parts without tags, then pass the result to `endHeader`. */
  beginHeader(into: WireWriter): number;
  /** Ends the header that `beginHeader` began. `name` comes from `encodeHeaderName`. */
  endHeader(into: WireWriter, field: number, name: Uint8Array, begun: number): void;
}

/** Writes HeaderValues. Envoy adds such a header and keeps those of the same name that are already there. */
export const APPENDING_HEADERS: HeaderWriter = {
  beginHeader: (into) => into.beginNested(),
  endHeader(into, field, name, begun) {
    into.endNested(HEADER_VALUE.value, begun);
    into.writeEncoded(name);
    into.endNested(field, begun);
  },
};

/**
 * Says "overwrite" in both ways that Envoy has. An Envoy that knows only one of them must not append the header to the
 * client's own value.
 */
const OVERWRITE = encodeToBytes((into) => {
  into.writeInteger(HEADER_VALUE_OPTION.appendAction, OVERWRITE_IF_EXISTS_OR_ADD);
  into.writeEmpty(HEADER_VALUE_OPTION.append); // a BoolValue of false is a message without fields
});

/** Writes HeaderValueOptions. Such a header replaces those of the same name. */
export const OVERWRITING_HEADERS: HeaderWriter = {
  beginHeader(into) {
    into.writeEncoded(OVERWRITE);
    return into.beginNested();
  },
  endHeader(into, field, name, begun) {
    into.endNested(HEADER_VALUE.value, begun);
    endOverwritingHeader(into, field, name, begun);
  },
};

/** Writes a whole header that replaces those of the same name. */
export function writeOverwritingHeader(into: WireWriter, field: number, name: Uint8Array, value: string): void {
  const begun = OVERWRITING_HEADERS.beginHeader(into);
  into.writeString(HEADER_VALUE.value, value);
  endOverwritingHeader(into, field, name, begun);
}

function endOverwritingHeader(into: WireWriter, field: number, name: Uint8Array, begun: number): void {
  into.writeEncoded(name);
  into.endNested(HEADER_VALUE_OPTION.header, begun);
  into.endNested(field, begun - OVERWRITE.length);
}
