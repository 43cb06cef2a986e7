/**
 * Reads one byte. The offset must lie inside `bytes`, which the caller has checked: outside it the result would be
 * `undefined`. That is why the cast is safe.
 */
export function readUint8(bytes: Uint8Array, offset: number): number {
  return bytes[offset] as number;
}

/** Reads 24 bits in network byte order. */
export function readUint24(bytes: Uint8Array, offset: number): number {
  return (readUint8(bytes, offset) << 16) | (readUint8(bytes, offset + 1) << 8) | readUint8(bytes, offset + 2);
}

/** Reads 32 bits in network byte order. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return readUint8(bytes, offset) * 0x1000000 + readUint24(bytes, offset + 1);
}

/** Reads a stream id or a window increment: 31 bits in network byte order. The reserved highest bit is ignored. */
export function readUint31(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset) & 0x7fffffff;
}
