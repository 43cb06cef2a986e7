import { WireReader } from './wire-reader.ts';

/**
 * A request that Weir cannot read or does not accept. The call fails with INVALID_ARGUMENT and this message, which names
 * the field, or the message type where the bytes are not well-formed.
 */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest';
}

/** Decodes `bytes` with `read`. Throws InvalidRequest with the message type if they are not a well-formed message. */
export function decodeMessage<Message>(
  messageType: string,
  bytes: Uint8Array,
  read: (reader: WireReader) => Message,
): Message {
  try {
    return read(new WireReader(bytes));
  } catch (error) {
    if (error instanceof RangeError) throw new InvalidRequest(`the request is not a well-formed ${messageType}`);
    throw error;
  }
}
