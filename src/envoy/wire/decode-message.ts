import { WireReader } from './wire-reader.ts';

/** A request that cannot be answered: INVALID_ARGUMENT, with this message, which names the field or the message. */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest';
}

/** What `read` makes of the bytes; bytes that are no well-formed message become an InvalidRequest that names it. */
export function readOrRefuse<Read>(name: string, bytes: Uint8Array, read: (reader: WireReader) => Read): Read {
  try {
    return read(new WireReader(bytes));
  } catch (error) {
    if (error instanceof RangeError) throw new InvalidRequest(`the request is not a well-formed ${name}`);
    throw error;
  }
}
