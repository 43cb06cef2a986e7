import fc from 'fast-check';

/** A change of a byte string. */
export interface Mutation {
  readonly kind: 'set' | 'insert' | 'delete' | 'repeat' | 'cut';
  /** Where the mutation happens, in millionths of the whole length. */
  readonly position: number;
  readonly length: number;
  readonly byte: number;
}

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('set', 'insert', 'delete', 'repeat', 'cut'),
  // Not fc.double, because most of its values are close to 0.
  position: fc.nat(999_999),
  length: fc.integer({ min: 1, max: 40 }),
  byte: fc.integer({ min: 0, max: 255 }),
});

/** Applies a mutation somewhere after the first `sparedLength` bytes. */
export function mutate(bytes: Buffer, { kind, position, length, byte }: Mutation, sparedLength: number): Buffer {
  const offset = sparedLength + Math.floor((position * (bytes.length - sparedLength)) / 1_000_000);
  const before = bytes.subarray(0, offset);
  switch (kind) {
    case 'set':
      return Buffer.concat([before, Buffer.from([byte]), bytes.subarray(offset + 1)]);
    case 'insert':
      return Buffer.concat([before, Buffer.from([byte]), bytes.subarray(offset)]);
    case 'delete':
      return Buffer.concat([before, bytes.subarray(offset + length)]);
    case 'repeat':
      return Buffer.concat([before, bytes.subarray(offset, offset + length * 4), bytes.subarray(offset)]);
    case 'cut':
      return before;
  }
}
