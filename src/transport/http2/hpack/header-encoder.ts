import { staticIndexOf } from './header-table.ts';

/**
 * Encodes a header list without the dynamic table, so that the block holds on any connection and at any time: what is
 * sent often is encoded once. Values hold one byte in each character.
 */
export function encodeHeaders(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const bytes: number[] = [];
  for (const [name, value] of fields) {
    const index = staticIndexOf(name, value);
    if (index.exact > 0) {
      pushInteger(bytes, 0x80, 7, index.exact);
      continue;
    }
    pushInteger(bytes, 0, 4, index.name);
    if (index.name === 0) pushString(bytes, name);
    pushString(bytes, value);
  }
  return Buffer.from(bytes);
}

function pushString(bytes: number[], text: string): void {
  pushInteger(bytes, 0, 7, text.length);
  for (const byte of Buffer.from(text, 'latin1')) bytes.push(byte);
}

function pushInteger(bytes: number[], pattern: number, prefixBits: number, value: number): void {
  const max = (1 << prefixBits) - 1;
  if (value < max) {
    bytes.push(pattern | value);
    return;
  }
  bytes.push(pattern | max);
  let rest = value - max;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}
