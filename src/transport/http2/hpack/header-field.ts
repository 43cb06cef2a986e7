/** A header field. Each character of name and value is one byte of the wire (latin1). */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** Size in bytes as RFC 7541, section 4.1, and SETTINGS_MAX_HEADER_LIST_SIZE count it: with 32 bytes of overhead. */
  readonly size: number;
  /** Whether RFC 9113, section 8.2, allows the field in a request, spaces at the ends of its value aside. */
  readonly isWellFormed: boolean;
}

/** Bytes that each field counts in addition to its name and value (RFC 7541, section 4.1). */
export const FIELD_OVERHEAD = 32;
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/**
 * Spaces at the ends are accepted, as Node.js does, although RFC 9113 forbids them: a client that sends `authorization:
 * Bearer ` without a token gets a status of gRPC.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a value must not contain exactly these control characters
const VALUE = /^[^\x00\r\n]*$/;
const CONNECTION_SPECIFIC = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

export function createHeaderField(name: string, value: string): HeaderField {
  return { name, value, size: name.length + value.length + FIELD_OVERHEAD, isWellFormed: checkWellFormed(name, value) };
}

function checkWellFormed(name: string, value: string): boolean {
  if (!NAME.test(name) || !VALUE.test(value)) return false;
  return name === 'te' ? value === 'trailers' : !CONNECTION_SPECIFIC.has(name);
}
