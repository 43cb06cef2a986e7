import { findStaticIndex } from './static-table.ts';

/**
 * Encodes a header list without the dynamic table. The block is valid on any connection at any time, so blocks that are
 * sent often are encoded only once. Each character of a value is one byte (latin1).
 */
export function encodeHeaders(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const bytes: number[] = [];
  for (const [name, value] of fields) {
    const { fieldIndex, nameIndex } = findStaticIndex(name, value);
    if (fieldIndex > 0) {
      appendInteger(bytes, 0x80, 7, fieldIndex); // an indexed field (RFC 7541, section 6.1)
      continue;
    }
    appendInteger(bytes, 0, 4, nameIndex); // a literal field without indexing (section 6.2.2)
    if (nameIndex === 0) appendString(bytes, name);
    appendString(bytes, value);
  }
  return Buffer.from(bytes);
}

/** Appends a string without Huffman coding (RFC 7541, section 5.2). */
function appendString(bytes: number[], text: string): void {
  appendInteger(bytes, 0, 7, text.length);
  for (const byte of Buffer.from(text, 'latin1')) bytes.push(byte);
}

/** Appends an integer that starts in the low `prefixBits` of a byte whose other bits are `pattern` (section 5.1). */
function appendInteger(bytes: number[], pattern: number, prefixBits: number, value: number): void {
  const maxPrefix = (1 << prefixBits) - 1;
  if (value < maxPrefix) {
    bytes.push(pattern | value);
    return;
  }
  bytes.push(pattern | maxPrefix);
  let rest = value - maxPrefix;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}
