import { byteAt, uint32At } from '../http2/frames/read-uint.ts';
import type { ServerStream, StreamReceiver } from '../http2/streams/server-stream.ts';
import { GrpcStatus, type UnaryCall } from '../unary-call.ts';
import type { CallHeaders } from './call-headers.ts';
import { inflate } from './inflate-message.ts';
import { type Assembled, MAX_MESSAGE_LENGTH, MessageAssembly, PREFIX_LENGTH, prefixOf } from './message-assembly.ts';
import { failureBlock, REPLY_HEADERS, REPLY_TRAILERS } from './responses.ts';

/** What the calls of one connection share. */
export interface CallSite {
  /** Counts bytes of messages that have not come whole or are not inflated; false: too many are held. */
  hold(bytes: number): boolean;
  /** The call's message is there: it is handed on in this turn's batch. */
  complete(call: Http2Call): void;
  /** The connection has something to send, or a request less to care for. */
  touch(): void;
}

const EMPTY = Buffer.alloc(0);
const TOO_LARGE = `message larger than ${MAX_MESSAGE_LENGTH} bytes`;
const TOO_MANY = 'too many incomplete or compressed messages at once';
const CARDINALITY = 'expected exactly one request message';

/** A unary call on a stream: takes the stream's data, becomes complete, is answered. */
export class Http2Call implements UnaryCall, StreamReceiver {
  readonly path: string;
  readonly requestId: string | undefined;
  readonly deadline: number | undefined;
  message: Uint8Array = EMPTY;
  cancelled = false;
  readonly #stream: ServerStream;
  readonly #head: CallHeaders;
  readonly #site: CallSite;
  #assembly: MessageAssembly | undefined;
  #held = 0;
  #isReceived = false;

  constructor(stream: ServerStream, head: CallHeaders, deadline: number | undefined, site: CallSite) {
    this.path = head.path;
    this.requestId = head.requestId;
    this.deadline = deadline;
    this.#stream = stream;
    this.#head = head;
    this.#site = site;
  }

  /** Whether somebody waits for an answer; else it is settled. */
  get isWaiting(): boolean {
    if (this.cancelled) this.#release();
    return !this.#stream.isSettled;
  }

  reply(message: Uint8Array): void {
    this.#stream.respond(REPLY_HEADERS, prefixOf(message), message, REPLY_TRAILERS);
    this.#site.touch();
  }

  fail(status: GrpcStatus, message: string): void {
    this.#stream.respondHeaders(failureBlock(status, message));
    this.#site.touch();
  }

  data(bytes: Buffer, start: number, end: number): void {
    const isWhole =
      this.#assembly === undefined &&
      end - start >= PREFIX_LENGTH &&
      byteAt(bytes, start) === 0 &&
      uint32At(bytes, start + 1) === end - start - PREFIX_LENGTH;
    if (this.#isReceived) this.fail(GrpcStatus.UNIMPLEMENTED, CARDINALITY);
    else if (isWhole) this.#receive(bytes.subarray(start + PREFIX_LENGTH, end));
    else this.#assemble(bytes, start, end);
  }

  end(): void {
    if (this.#isReceived || this.#stream.isSettled) return;
    const isCut = this.#assembly !== undefined;
    this.#forgetAssembly();
    if (isCut) this.fail(GrpcStatus.INTERNAL, 'request message cut short');
    else this.fail(GrpcStatus.UNIMPLEMENTED, CARDINALITY);
  }

  reset(): void {
    this.cancelled = true;
    this.#forgetAssembly();
    if (!this.#isReceived) this.#release();
  }

  #release(): void {
    this.#stream.release();
    this.#site.touch();
  }

  #receive(message: Uint8Array): void {
    this.#isReceived = true;
    this.message = message;
    this.#site.complete(this);
  }

  #assemble(bytes: Buffer, start: number, end: number): void {
    const assembly = this.#assembly ?? new MessageAssembly();
    this.#assembly = assembly;
    const state = assembly.add(bytes, start, end);
    const mayGoOn = this.#hold(assembly.capacity);
    if (state === 'complete') {
      this.#forgetAssembly();
      this.#receiveAssembled(assembly);
    } else if (state !== 'partial' || !mayGoOn) {
      this.#forgetAssembly();
      this.#refuse(state);
    }
  }

  #refuse(state: Assembled): void {
    if (state === 'more-than-one') this.fail(GrpcStatus.UNIMPLEMENTED, CARDINALITY);
    else if (state === 'too-large') this.fail(GrpcStatus.RESOURCE_EXHAUSTED, TOO_LARGE);
    else this.fail(GrpcStatus.RESOURCE_EXHAUSTED, TOO_MANY);
  }

  #receiveAssembled({ isCompressed, message }: MessageAssembly): void {
    if (!isCompressed) this.#receive(message);
    else if (this.#head.isGzip) this.#inflate(message);
    else this.fail(GrpcStatus.INTERNAL, 'compressed message without grpc-encoding');
  }

  #inflate(compressed: Buffer): void {
    this.#isReceived = true;
    if (!this.#hold(compressed.length)) {
      this.#hold(0);
      this.fail(GrpcStatus.RESOURCE_EXHAUSTED, TOO_MANY);
      return;
    }
    inflate(compressed, (message, error) => {
      this.#hold(0);
      if (message !== undefined) this.#receive(message);
      else if (error === 'too-large') this.fail(GrpcStatus.RESOURCE_EXHAUSTED, TOO_LARGE);
      else this.fail(GrpcStatus.INTERNAL, 'request message is not gzip');
    });
  }

  #forgetAssembly(): void {
    if (this.#assembly === undefined) return;
    this.#assembly = undefined;
    this.#hold(0);
  }

  #hold(bytes: number): boolean {
    const change = bytes - this.#held;
    this.#held = bytes;
    return this.#site.hold(change);
  }
}
