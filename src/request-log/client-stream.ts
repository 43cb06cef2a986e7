import type { ServerHttp2Stream } from 'node:http2';
import { MESSAGE_PREFIX_LENGTH } from '../transport/grpc-http2/message-assembly.ts';
import { GrpcStatus } from '../transport/unary-call.ts';
import { MessageReader, UnreadableStream } from './message-reader.ts';

export interface ClientStreamOptions {
  readonly maxMessageBytes: number;
  /** Counts the memory of unfinished messages, as a change in bytes. Returns whether there is room. */
  reserve(change: number): boolean;
  /** Takes a message, which is valid until it returns. Throws if the message is malformed. */
  receive(message: Buffer): void;
}

const EMPTY_MESSAGE = Buffer.alloc(MESSAGE_PREFIX_LENGTH);

/** A gRPC call whose client streams messages. It is answered with an empty message when the client has ended it. */
export class ClientStream {
  readonly #stream: ServerHttp2Stream;
  readonly #options: ClientStreamOptions;
  readonly #reader: MessageReader;
  #reservedBytes = 0;
  /** When the unfinished message began to arrive, in ms on the clock of performance.now(); undefined: there is none. */
  #unfinishedSince: number | undefined;

  constructor(stream: ServerHttp2Stream, options: ClientStreamOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#reader = new MessageReader(options.maxMessageBytes);
    stream.on('data', (bytes: Buffer) => this.#read(bytes));
    stream.on('end', () => this.#finish());
    stream.on('close', () => this.#reserve(0));
  }

  /** Resets the stream if its message has been unfinished for longer than `maxMs`. */
  sweep(maxMs: number, now: number): void {
    if (now - (this.#unfinishedSince ?? now) > maxMs) this.#stream.close();
  }

  #read(bytes: Buffer): void {
    if (isOver(this.#stream)) return;
    try {
      const messages = this.#reader.add(bytes);
      for (const message of messages) this.#receive(message);
      if (messages.length > 0) this.#unfinishedSince = undefined;
      if (this.#reader.heldBytes > 0) this.#unfinishedSince ??= performance.now();
      if (this.#reserve(this.#reader.heldBytes)) return;
      throw new UnreadableStream(GrpcStatus.RESOURCE_EXHAUSTED, 'too many incomplete messages at once');
    } catch (error) {
      if (!(error instanceof UnreadableStream)) throw error;
      this.#reserve(0);
      failStream(this.#stream, error.status, error.message);
    }
  }

  #receive(message: Buffer): void {
    try {
      this.#options.receive(message);
    } catch {
      throw new UnreadableStream(GrpcStatus.INVALID_ARGUMENT, 'a message is malformed');
    }
  }

  #finish(): void {
    if (isOver(this.#stream)) return;
    if (this.#reader.heldBytes > 0) {
      failStream(this.#stream, GrpcStatus.INVALID_ARGUMENT, 'the last message is incomplete');
      return;
    }
    this.#stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    this.#stream.on('wantTrailers', () => this.#stream.sendTrailers({ 'grpc-status': '0' }));
    this.#stream.end(EMPTY_MESSAGE);
  }

  #reserve(bytes: number): boolean {
    const change = bytes - this.#reservedBytes;
    this.#reservedBytes = bytes;
    return this.#options.reserve(change);
  }
}

/** Ends a stream with a status, and reads no more of it. `message` must be printable ASCII. */
export function failStream(stream: ServerHttp2Stream, status: GrpcStatus, message: string): void {
  if (isOver(stream)) return;
  const headers = { 'grpc-status': String(status), 'grpc-message': message };
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...headers }, { endStream: true });
  stream.close();
}

/** Whether the stream was reset or answered. Node.js throws at an answer to such a stream. */
function isOver({ destroyed, closed, headersSent }: ServerHttp2Stream): boolean {
  return destroyed || closed || headersSent;
}
