/** A header field; name and value hold one byte of the wire in each character (latin1). */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** As RFC 7541 and SETTINGS_MAX_HEADER_LIST_SIZE count it. */
  readonly size: number;
  /** Whether RFC 9113, section 8.2, lets the field stand in a request. */
  readonly wellFormed: boolean;
}

const ENTRY_OVERHEAD = 32;
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these control characters are what a value must not hold
const VALUE = /^(?![ \t])[^\x00\r\n]*(?<![ \t])$/;
const CONNECTION_SPECIFIC = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

export function headerField(name: string, value: string): HeaderField {
  return { name, value, size: name.length + value.length + ENTRY_OVERHEAD, wellFormed: isWellFormed(name, value) };
}

function isWellFormed(name: string, value: string): boolean {
  if (!NAME.test(name) || !VALUE.test(value)) return false;
  return name === 'te' ? value === 'trailers' : !CONNECTION_SPECIFIC.has(name);
}
