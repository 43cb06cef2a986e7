import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Flag, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { HeaderDecoder } from '../../src/transport/http2/hpack/header-decoder.ts';
import { type Frame, frame, preface, splitFrames } from './frame-builders.ts';

/** A response, or the part of it that arrived before a reset. */
export interface RawResponse {
  /** Headers and trailers. */
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  /** The error code of RST_STREAM; undefined: the stream was not reset. */
  readonly reset: number | undefined;
}

/** A client that sends the given bytes and keeps the frames that arrive. It speaks HTTP/2 as no library would. */
export class RawPeer {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  readonly #decoder = new HeaderDecoder();
  readonly #responses = new Map<
    number,
    { headers: Record<string, string>; body: Buffer[]; reset: number | undefined }
  >();
  #rest: Buffer = Buffer.alloc(0);
  #waiters: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => this.#wakeWaiters());
    socket.on('data', (bytes) => {
      const { frames, rest } = splitFrames(Buffer.concat([this.#rest, bytes]));
      this.#rest = rest;
      for (const received of frames) this.#receive(received);
      this.#wakeWaiters();
    });
  }

  static async connect(port: number): Promise<RawPeer> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    socket.write(preface);
    return new RawPeer(socket);
  }

  send(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Waits until the condition holds, and checks it whenever bytes arrive. Rejects when the connection ends first. */
  async waitUntil(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.socket.closed) throw new Error('the connection has ended');
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Waits until the server has read everything that was sent before. */
  async roundTrip(): Promise<void> {
    const mark = Buffer.alloc(8);
    mark.writeDoubleBE(Math.random());
    this.send(frame(FrameType.PING, 0, 0, mark));
    await this.waitUntil(() =>
      this.frames.some(({ type, payload }) => type === FrameType.PING && payload.equals(mark)),
    );
  }

  /** Waits for the end of the stream, by a complete response or a reset. */
  async waitForResponse(streamId: number): Promise<RawResponse> {
    await this.waitUntil(() => this.frames.some((received) => received.streamId === streamId && endsStream(received)));
    const response = this.#responses.get(streamId);
    return {
      headers: response?.headers ?? {},
      body: Buffer.concat(response?.body ?? []),
      reset: response?.reset,
    };
  }

  get goAways(): { lastStreamId: number; code: number }[] {
    return this.frames
      .filter(({ type }) => type === FrameType.GOAWAY)
      .map(({ payload }) => ({ lastStreamId: payload.readUInt32BE(0), code: payload.readUInt32BE(4) }));
  }

  get isClosed(): boolean {
    return this.socket.closed || this.socket.readableEnded;
  }

  async waitUntilClosed(): Promise<void> {
    if (!this.isClosed) await Promise.race([once(this.socket, 'end'), once(this.socket, 'close')]);
  }

  #receive(received: Frame): void {
    this.frames.push(received);
    const { type, flags, streamId, payload } = received;
    if (type === FrameType.SETTINGS && (flags & Flag.ACK) === 0) this.send(frame(FrameType.SETTINGS, Flag.ACK, 0));
    if (streamId === 0) return;
    const response = this.#responses.get(streamId) ?? { headers: {}, body: [], reset: undefined };
    this.#responses.set(streamId, response);
    if (type === FrameType.DATA) response.body.push(payload);
    if (type === FrameType.RST_STREAM) response.reset = payload.readUInt32BE(0);
    if (type !== FrameType.HEADERS) return;
    for (const { name, value } of this.#decoder.decode(payload, 0, payload.length).fields) {
      response.headers[name] = value;
    }
  }

  #wakeWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

function endsStream({ type, flags }: Frame): boolean {
  if (type === FrameType.RST_STREAM) return true;
  return (type === FrameType.DATA || type === FrameType.HEADERS) && (flags & Flag.END_STREAM) !== 0;
}
