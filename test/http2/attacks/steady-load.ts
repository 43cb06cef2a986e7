import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flag, FrameType } from '../../../src/transport/http2/frames/protocol-constants.ts';
import { callFrames, encodeUint32, frame, preface } from '../frame-builders.ts';

const STREAMS = 2;
const WINDOW_INCREMENT = 2 ** 30;

/** A well-behaved client that always has the same number of calls in progress, and counts the completed ones. */
export class SteadyLoad {
  readonly #socket: Socket;
  #completed = 0;
  #nextId = 1;
  #rest: Buffer = Buffer.alloc(0);

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.write(Buffer.concat([preface, frame(FrameType.WINDOW_UPDATE, 0, 0, encodeUint32(WINDOW_INCREMENT))]));
    this.#socket.on('data', (bytes) => this.#receive(bytes));
    this.#startCalls(STREAMS);
  }

  /** Measures the completed calls per second for the given time. */
  async rate(durationMs: number): Promise<number> {
    const before = this.#completed;
    const start = performance.now();
    await sleep(durationMs);
    return ((this.#completed - before) * 1000) / (performance.now() - start);
  }

  /** Waits until that many further calls are completed. */
  async complete(calls: number): Promise<void> {
    const end = this.#completed + calls;
    while (this.#completed < end) {
      if (!this.isAlive) throw new Error('the server closed the connection');
      await sleep(5);
    }
  }

  get isAlive(): boolean {
    return !this.#socket.destroyed;
  }

  stop(): void {
    this.#socket.destroy();
  }

  #receive(received: Buffer): void {
    const bytes = this.#rest.length === 0 ? received : Buffer.concat([this.#rest, received]);
    let offset = 0;
    let completed = 0;
    while (bytes.length - offset >= 9) {
      const end = offset + 9 + bytes.readUIntBE(offset, 3);
      if (end > bytes.length) break;
      if (bytes[offset + 3] === FrameType.HEADERS && (bytes.readUInt8(offset + 4) & Flag.END_STREAM) !== 0)
        completed += 1;
      offset = end;
    }
    this.#rest = bytes.subarray(offset);
    this.#completed += completed;
    this.#startCalls(completed);
  }

  #startCalls(count: number): void {
    const calls: Buffer[] = [];
    for (let index = 0; index < count; index++) {
      calls.push(callFrames(this.#nextId));
      this.#nextId += 2;
    }
    if (calls.length > 0) this.#socket.write(Buffer.concat(calls));
  }
}
