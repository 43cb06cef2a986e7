import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flag, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { callFrames, encodeUint32, frame, preface } from './frame-builders.ts';

const STREAMS = 2;
const LARGE_WINDOW = 2 ** 30;

/** A well-behaved client that always has the same number of calls under way, and counts those that are answered. */
export class SteadyLoad {
  readonly #socket: Socket;
  #answered = 0;
  #nextId = 1;
  #rest: Buffer = Buffer.alloc(0);

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.write(Buffer.concat([preface, frame(FrameType.WINDOW_UPDATE, 0, 0, encodeUint32(LARGE_WINDOW))]));
    this.#socket.on('data', (bytes) => this.#receive(bytes));
    this.#callAnew(STREAMS);
  }

  /** Calls answered in a second, measured for so many ms. */
  async rate(ms: number): Promise<number> {
    const before = this.#answered;
    const start = performance.now();
    await sleep(ms);
    return ((this.#answered - before) * 1000) / (performance.now() - start);
  }

  get isAlive(): boolean {
    return !this.#socket.destroyed;
  }

  stop(): void {
    this.#socket.destroy();
  }

  #receive(received: Buffer): void {
    const bytes = this.#rest.length === 0 ? received : Buffer.concat([this.#rest, received]);
    let at = 0;
    let answered = 0;
    while (bytes.length - at >= 9) {
      const end = at + 9 + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      if (bytes[at + 3] === FrameType.HEADERS && (bytes.readUInt8(at + 4) & Flag.END_STREAM) !== 0) answered += 1;
      at = end;
    }
    this.#rest = bytes.subarray(at);
    this.#answered += answered;
    this.#callAnew(answered);
  }

  #callAnew(count: number): void {
    const calls: Buffer[] = [];
    for (let index = 0; index < count; index++) {
      calls.push(callFrames(this.#nextId));
      this.#nextId += 2;
    }
    if (calls.length > 0) this.#socket.write(Buffer.concat(calls));
  }
}
