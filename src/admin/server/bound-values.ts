import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { FieldFault } from '../../domain/validation/field-fault.ts';

/**
 * Values that a request can have, messages and lists included. An import of 1,000 API keys has fewer than 20,000. The limits of
 * calls apply only after a request is decoded, and 1 MiB of empty messages would keep the thread busy for most of a second.
 */
export const MAX_VALUES = 32_768;
/** The fault of a request with more. */
export const TOO_MANY_VALUES: FieldFault = {
  field: 'request',
  description: `must have at most ${MAX_VALUES} values`,
};

/** The field of an entry of a map that has its value. */
const MAP_VALUE = 2;

/** A message that is being read. */
interface OpenMessage {
  /** The message, or for an entry of a map that of its value. */
  readonly schema: DescMessage;
  readonly isMapEntry: boolean;
  /** Position after its last byte. */
  readonly end: number;
}

/**
 * Whether an encoded message has more than MAX_VALUES values. Creates nothing for them. Reads as ts-proto decodes: what ends a
 * message early there ends it here. Returns false for a message that is malformed before it has too many.
 */
export function hasTooManyValues(schema: DescMessage, message: Uint8Array): boolean {
  try {
    return countValues(schema, message) > MAX_VALUES;
  } catch {
    return false; // the decoder reports the fault
  }
}

/** Counts values until there are too many. Throws for a malformed message. */
function countValues(schema: DescMessage, message: Uint8Array): number {
  const reader = new BinaryReader(message);
  const open: OpenMessage[] = [{ schema, isMapEntry: false, end: reader.len }];
  let values = 0;
  for (let current = open.at(-1); current !== undefined && values <= MAX_VALUES; current = open.at(-1)) {
    const tag = reader.pos < current.end ? reader.uint32() : 0;
    const wireType = tag & 7;
    if (tag === 0 || wireType === WireType.EndGroup) {
      open.pop();
      continue;
    }
    values++;
    const number = tag >>> 3;
    const field = current.isMapEntry ? undefined : current.schema.fields.find((other) => other.number === number);
    const nested = current.isMapEntry && number === MAP_VALUE ? current.schema : field?.message;
    if (wireType === WireType.LengthDelimited && nested !== undefined) {
      const length = reader.uint32();
      open.push({ schema: nested, isMapEntry: field?.fieldKind === 'map', end: reader.pos + length });
    } else if (wireType === WireType.LengthDelimited && field !== undefined && isListOfNumbers(field)) {
      values += reader.bytes().length; // packed: a number has at least one byte
    } else reader.skip(wireType);
  }
  return values;
}

function isListOfNumbers(field: DescField): boolean {
  if (field.fieldKind !== 'list' || field.listKind === 'message') return false;
  return field.listKind === 'enum' || (field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES);
}
