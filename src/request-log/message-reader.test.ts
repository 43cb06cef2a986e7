import { describe, expect, it } from 'vitest';
import { GrpcStatus } from '../transport/unary-call.ts';
import { MessageReader } from './message-reader.ts';

function frame(text: string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
}

/** The messages that a reader finds in pieces of this length. */
function read(bytes: Buffer, pieceLength: number): { readonly texts: readonly string[]; readonly heldBytes: number } {
  const reader = new MessageReader(1_000);
  const texts: string[] = [];
  for (let start = 0; start < bytes.length; start += pieceLength) {
    texts.push(...reader.add(bytes.subarray(start, start + pieceLength)).map((message) => message.toString()));
  }
  return { texts, heldBytes: reader.heldBytes };
}

describe('MessageReader', () => {
  const messages = ['one', '', 'x'.repeat(900), 'two'];
  const bytes = Buffer.concat(messages.map(frame));

  it.for([1, 2, 3, 7, 100, bytes.length])('finds all messages in pieces of %i bytes', (pieceLength) => {
    expect(read(bytes, pieceLength)).toEqual({ texts: messages, heldBytes: 0 });
  });

  it('holds memory only for what has arrived of an unfinished message', () => {
    const { texts, heldBytes } = read(Buffer.concat([bytes, frame('y'.repeat(800)).subarray(0, 10)]), 64);
    expect(texts).toEqual(messages);
    expect(heldBytes).toBeGreaterThan(0);
    expect(heldBytes).toBeLessThanOrEqual(1_024);
  });

  it('rejects a message that is too long by its prefix, and one that is compressed', () => {
    const tooLong = frame('x'.repeat(1_001)).subarray(0, 5);
    expect(() => read(tooLong, 5)).toThrow(expect.objectContaining({ status: GrpcStatus.RESOURCE_EXHAUSTED }));
    const compressed = Buffer.concat([Buffer.of(1), frame('x').subarray(1)]);
    expect(() => read(compressed, 100)).toThrow(expect.objectContaining({ status: GrpcStatus.UNIMPLEMENTED }));
  });
});
