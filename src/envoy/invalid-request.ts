/** A request that cannot be answered: INVALID_ARGUMENT, with this message, which names the field or the message. */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest';
}

/** Decodes by `codec`; bytes that are no such message become an InvalidRequest that names it. */
export function decodeMessage<Message>(
  codec: { decode(bytes: Uint8Array): Message },
  name: string,
  bytes: Uint8Array,
): Message {
  try {
    return codec.decode(bytes);
  } catch {
    throw new InvalidRequest(`the request is not a well-formed ${name}`);
  }
}
