import { WireWriter } from '../wire/wire-writer.ts';

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

/** A header's name as `HeaderForm` takes it: names are few, so each is encoded once. */
export function headerName(name: string): Uint8Array {
  return encodedBy((into) => into.text(HEADER_VALUE.key, name));
}

/** How headers are written, each as an item of a repeated field. */
export interface HeaderForm {
  /** Begins a header; its value is to be written next, in parts without tags. */
  begin(into: WireWriter): number;
  /** Ends the header that `begin` began where it says. */
  end(into: WireWriter, field: number, name: Uint8Array, end: number): void;
}

/** HeaderValues, which Envoy adds beside those that are there. */
export const ADDED: HeaderForm = {
  begin: (into) => into.end(),
  end(into, field, name, end) {
    into.nested(HEADER_VALUE.value, end);
    into.encoded(name);
    into.nested(field, end);
  },
};

/** Both ways of saying "overwrite" are set: an Envoy that knows one of them must not add beside the client's own value. */
const OVERWRITE = encodedBy((into) => {
  into.number(HEADER_VALUE_OPTION.appendAction, OVERWRITE_IF_EXISTS_OR_ADD);
  into.nested(HEADER_VALUE_OPTION.append, into.end()); // a BoolValue of false is a message without fields
});

/** HeaderValueOptions that overwrite. */
export const OVERWRITING: HeaderForm = {
  begin(into) {
    into.encoded(OVERWRITE);
    return into.end();
  },
  end(into, field, name, end) {
    into.nested(HEADER_VALUE.value, end);
    endOverwriting(into, field, name, end);
  },
};

/** A whole header that overwrites. */
export function writeHeader(into: WireWriter, field: number, name: Uint8Array, value: string): void {
  const end = OVERWRITING.begin(into);
  into.text(HEADER_VALUE.value, value);
  endOverwriting(into, field, name, end);
}

function endOverwriting(into: WireWriter, field: number, name: Uint8Array, end: number): void {
  into.encoded(name);
  into.nested(HEADER_VALUE_OPTION.header, end);
  into.nested(field, end - OVERWRITE.length);
}
