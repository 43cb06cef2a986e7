import { readUint8, readUint32 } from '../http2/frames/read-uint.ts';
import type { RequestReceiver, ServerStream } from '../http2/streams/server-stream.ts';
import { GrpcStatus, type NetworkCall } from '../unary-call.ts';
import type { CallHeaders } from './call-headers.ts';
import { inflateMessage } from './inflate-message.ts';
import { type AssemblyState, encodePrefix, MESSAGE_PREFIX_LENGTH, MessageAssembly } from './message-assembly.ts';
import { encodeDetailedFailure, encodeFailureCached, REPLY_TRAILERS, type ReplyFormat } from './responses.ts';

/** The services that a call uses of its connection. */
export interface ConnectionServices {
  readonly replies: Pick<ReplyFormat, 'headers'>;
  /** IP address of the peer. */
  readonly peer: string;
  /** Returns the bytes that a request message of the method with this path may have. */
  maxMessageLength(path: string): number;
  /**
   * Counts memory of messages that are incomplete or not inflated, as a change in bytes. Returns whether the memory
   * budget is still kept.
   */
  reserve(change: number): boolean;
  /** Adds the call, whose message is complete, to the batch of this turn. */
  addToBatch(call: Http2Call): void;
  /** Has the connection checked at the end of the turn: it has output to write, or one outstanding request less. */
  scheduleFlush(): void;
}

const EMPTY = Buffer.alloc(0);
const TOO_MANY = 'too many incomplete or compressed request messages at once';
const NOT_ONE_MESSAGE = 'expected exactly one request message';

/**
 * A unary call on a stream. It receives the data of the stream, joins the batch once its message is complete, and sends
 * the response.
 */
export class Http2Call implements NetworkCall, RequestReceiver {
  readonly path: string;
  readonly requestId: string | undefined;
  readonly deadline: number | undefined;
  message: Uint8Array = EMPTY;
  cancelled = false;
  readonly #stream: ServerStream;
  readonly #headers: CallHeaders;
  readonly #services: ConnectionServices;
  #assembly: MessageAssembly | undefined;
  #reservedBytes = 0;
  #isMessageReceived = false;

  constructor(stream: ServerStream, headers: CallHeaders, deadline: number | undefined, services: ConnectionServices) {
    this.path = headers.path;
    this.requestId = headers.requestId;
    this.deadline = deadline;
    this.#stream = stream;
    this.#headers = headers;
    this.#services = services;
  }

  /** Whether the call has been ended, by a response or without one. */
  get isSettled(): boolean {
    return this.#stream.isSettled;
  }

  reply(message: Uint8Array): void {
    this.#stream.respond(this.#services.replies.headers, encodePrefix(message), message, REPLY_TRAILERS);
    this.#services.scheduleFlush();
  }

  fail(status: GrpcStatus, message: string, details?: Uint8Array): void {
    const response =
      details === undefined ? encodeFailureCached(status, message) : encodeDetailedFailure(status, message, details);
    this.#stream.respondWithHeaders(response);
    this.#services.scheduleFlush();
  }

  get peer(): string {
    return this.#services.peer;
  }

  /** Looked up at each call, because most calls are made where nobody reads it. */
  get traceparent(): string | undefined {
    return this.#headers.fields.find(({ name }) => name === 'traceparent')?.value;
  }

  readHeader(name: string): readonly string[] {
    return this.#headers.fields.filter((field) => field.name === name).map(({ value }) => value);
  }

  /** Ends a cancelled call, for which no response is due. */
  discard(): void {
    this.#stream.discard();
    this.#services.scheduleFlush();
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const isWholeMessage =
      this.#assembly === undefined &&
      end - start >= MESSAGE_PREFIX_LENGTH &&
      readUint8(bytes, start) === 0 &&
      readUint32(bytes, start + 1) === end - start - MESSAGE_PREFIX_LENGTH;
    if (this.#isMessageReceived) this.fail(GrpcStatus.UNIMPLEMENTED, NOT_ONE_MESSAGE);
    else if (isWholeMessage && end - start - MESSAGE_PREFIX_LENGTH <= this.#maxLength)
      this.#receiveMessage(bytes.subarray(start + MESSAGE_PREFIX_LENGTH, end));
    else this.#assemble(bytes, start, end);
  }

  onEnd(): void {
    if (this.#isMessageReceived || this.#stream.isSettled) return;
    const isPartial = this.#assembly !== undefined;
    this.#dropAssembly();
    if (isPartial) this.fail(GrpcStatus.INTERNAL, 'request message: must not be cut short');
    else this.fail(GrpcStatus.UNIMPLEMENTED, NOT_ONE_MESSAGE);
  }

  onReset(): void {
    this.cancelled = true;
    this.#dropAssembly();
    if (!this.#isMessageReceived) this.discard();
  }

  #receiveMessage(message: Uint8Array): void {
    this.#isMessageReceived = true;
    this.message = message;
    this.#services.addToBatch(this);
  }

  #assemble(bytes: Buffer, start: number, end: number): void {
    const assembly = this.#assembly ?? new MessageAssembly(this.#maxLength);
    this.#assembly = assembly;
    const state = assembly.add(bytes, start, end);
    const isWithinBudget = this.#reserve(assembly.capacity);
    if (state === 'complete') {
      this.#dropAssembly();
      this.#receiveAssembled(assembly);
    } else if (state !== 'partial' || !isWithinBudget) {
      this.#dropAssembly();
      this.#rejectMessage(state);
    }
  }

  #rejectMessage(state: AssemblyState): void {
    if (state === 'more-than-one') this.fail(GrpcStatus.UNIMPLEMENTED, NOT_ONE_MESSAGE);
    else if (state === 'too-large') this.fail(GrpcStatus.RESOURCE_EXHAUSTED, this.#tooLarge);
    else this.fail(GrpcStatus.RESOURCE_EXHAUSTED, TOO_MANY);
  }

  #receiveAssembled({ isCompressed, message }: MessageAssembly): void {
    if (!isCompressed) this.#receiveMessage(message);
    else if (this.#headers.isGzip) this.#inflate(message);
    else this.fail(GrpcStatus.INTERNAL, 'grpc-encoding: must be set for a compressed message');
  }

  #inflate(compressed: Buffer): void {
    this.#isMessageReceived = true;
    if (!this.#reserve(compressed.length)) {
      this.#reserve(0);
      this.fail(GrpcStatus.RESOURCE_EXHAUSTED, TOO_MANY);
      return;
    }
    inflateMessage(compressed, this.#maxLength, (message, error) => {
      this.#reserve(0);
      if (message !== undefined) this.#receiveMessage(message);
      else if (error === 'too-large') this.fail(GrpcStatus.RESOURCE_EXHAUSTED, this.#tooLarge);
      else this.fail(GrpcStatus.INTERNAL, 'request message: must be valid gzip');
    });
  }

  get #maxLength(): number {
    return this.#services.maxMessageLength(this.path);
  }

  get #tooLarge(): string {
    return `request message: must be at most ${this.#maxLength} bytes`;
  }

  #dropAssembly(): void {
    if (this.#assembly === undefined) return;
    this.#assembly = undefined;
    this.#reserve(0);
  }

  /** Sets the memory that this call counts for. Returns whether the memory budget is still kept. */
  #reserve(bytes: number): boolean {
    const change = bytes - this.#reservedBytes;
    this.#reservedBytes = bytes;
    return this.#services.reserve(change);
  }
}
