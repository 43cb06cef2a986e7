import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Flag, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { HeaderDecoder } from '../../src/transport/http2/hpack/header-decoder.ts';
import { type Frame, frame, preface, splitFrames } from './frame-builders.ts';

export interface RawResponse {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  readonly reset: number | undefined;
}

/** A client that sends what it is told and keeps what it gets, to speak HTTP/2 as no library would. */
export class RawPeer {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  readonly #decoder = new HeaderDecoder();
  readonly #answers = new Map<number, { headers: Record<string, string>; body: Buffer[]; reset: number | undefined }>();
  #rest: Buffer = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => this.#wake());
    socket.on('data', (bytes) => {
      const { frames, rest } = splitFrames(Buffer.concat([this.#rest, bytes]));
      this.#rest = rest;
      for (const each of frames) this.#take(each);
      this.#wake();
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

  /** Waits until something that has come satisfies the condition; fails when the connection ends before. */
  async waitUntil(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.socket.closed) throw new Error('the connection has ended');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Waits for the server to have taken all that was sent before. */
  async roundTrip(): Promise<void> {
    const mark = Buffer.alloc(8);
    mark.writeDoubleBE(Math.random());
    this.send(frame(FrameType.PING, 0, 0, mark));
    await this.waitUntil(() => this.frames.some((each) => each.type === FrameType.PING && each.payload.equals(mark)));
  }

  async waitForResponse(streamId: number): Promise<RawResponse> {
    await this.waitUntil(() => this.frames.some((each) => each.streamId === streamId && endsStream(each)));
    const answer = this.#answers.get(streamId);
    return {
      headers: answer?.headers ?? {},
      body: Buffer.concat(answer?.body ?? []),
      reset: answer?.reset,
    };
  }

  get goAways(): { lastStreamId: number; code: number }[] {
    return this.frames
      .filter((each) => each.type === FrameType.GOAWAY)
      .map(({ payload }) => ({ lastStreamId: payload.readUInt32BE(0), code: payload.readUInt32BE(4) }));
  }

  get isClosed(): boolean {
    return this.socket.closed || this.socket.readableEnded;
  }

  async waitUntilClosed(): Promise<void> {
    if (!this.isClosed) await Promise.race([once(this.socket, 'end'), once(this.socket, 'close')]);
  }

  #take(each: Frame): void {
    this.frames.push(each);
    const { type, streamId, payload } = each;
    if (type === FrameType.SETTINGS && (each.flags & Flag.ACK) === 0) this.send(frame(FrameType.SETTINGS, Flag.ACK, 0));
    if (streamId === 0) return;
    const answer = this.#answers.get(streamId) ?? { headers: {}, body: [], reset: undefined };
    this.#answers.set(streamId, answer);
    if (type === FrameType.DATA) answer.body.push(payload);
    if (type === FrameType.RST_STREAM) answer.reset = payload.readUInt32BE(0);
    if (type !== FrameType.HEADERS) return;
    for (const { name, value } of this.#decoder.decode(payload, 0, payload.length).fields) answer.headers[name] = value;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

function endsStream({ type, flags }: Frame): boolean {
  if (type === FrameType.RST_STREAM) return true;
  return (type === FrameType.DATA || type === FrameType.HEADERS) && (flags & Flag.END_STREAM) !== 0;
}
