/** The byte at a place that the caller knows to be inside: only beyond the end would it be undefined, hence the cast. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

export function uint24At(bytes: Uint8Array, at: number): number {
  return (byteAt(bytes, at) << 16) | (byteAt(bytes, at + 1) << 8) | byteAt(bytes, at + 2);
}

export function uint32At(bytes: Uint8Array, at: number): number {
  return byteAt(bytes, at) * 0x1000000 + uint24At(bytes, at + 1);
}

/** A stream id or window increment: 31 bits, of which the reserved highest one is ignored. */
export function uint31At(bytes: Uint8Array, at: number): number {
  return uint32At(bytes, at) & 0x7fffffff;
}
