import { connect, type Socket } from 'node:net';
import { Flag, FRAME_HEADER, FrameType, frame, PREFACE } from './http2-frames.ts';
import type { LoadTally } from './load-recorder.ts';
import { readVerdict, type Verdict } from './read-verdict.ts';
import type { RequestTable } from './request-table.ts';

/** What the connections of one load share. */
export interface Load {
  readonly kind: 'rate_limit' | 'check';
  readonly table: RequestTable;
  readonly streams: number;
  /** Counts what is answered now; another one after the warm-up. */
  tally: LoadTally;
  sending: boolean;
  /** Index of the next request: the connections take them in turn. */
  next: number;
  /** Told after each turn of answers. */
  onAnswers(): void;
}

const LARGEST_WINDOW = 2 ** 31 - 1;
const DEFAULT_WINDOW = 65_535;
const INITIAL_WINDOW_SIZE = 4;
/** A stream's state is kept by the low bits of its number: streams may overtake each other by this many. */
const REMEMBERED = 65_536;
const READ_BUFFER = 262_144;

/** One cleartext HTTP/2 connection that keeps `streams` calls outstanding. */
export class LoadConnection {
  readonly #load: Load;
  readonly #socket: Socket;
  readonly #startedAt = new Float64Array(REMEMBERED);
  readonly #verdicts: (Verdict | undefined)[] = new Array(REMEMBERED).fill(undefined);
  /** The first parts of messages that came in several DATA frames. */
  readonly #partial = new Map<number, Buffer>();
  readonly #output: Buffer;
  #outputBusy = false;
  #rest = Buffer.alloc(0);
  #nextStream = 1;
  #outstanding = 0;
  #sendWindow = DEFAULT_WINDOW;
  #received = 0;

  constructor(port: number, load: Load, onFault: (fault: Error) => void) {
    this.#load = load;
    this.#output = Buffer.allocUnsafe(load.streams * load.table.longest + load.table.firstHeaders.length);
    const receive = (length: number, buffer: Uint8Array) => {
      try {
        this.#receive(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      } catch (fault) {
        onFault(fault as Error); // nothing but errors is thrown in here
      }
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafe(READ_BUFFER), callback: receive };
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread });
    this.#socket.on('error', onFault);
    this.#socket.on('close', () => onFault(new Error('the server closed the connection')));
    const window = Buffer.alloc(6);
    window.writeUInt16BE(INITIAL_WINDOW_SIZE, 0);
    window.writeUInt32BE(LARGEST_WINDOW, 2);
    this.#socket.write(PREFACE);
    this.#socket.write(frame(FrameType.SETTINGS, 0, window));
    this.#socket.write(windowUpdate(LARGEST_WINDOW - DEFAULT_WINDOW));
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  /** Sends requests until as many are outstanding as there are streams. */
  send(): void {
    const { table, streams } = this.#load;
    const { frames, offsets, headersLength } = table;
    const output = this.#outputBusy ? Buffer.allocUnsafe(this.#output.length) : this.#output;
    const now = performance.now();
    let length = 0;
    while (this.#load.sending && this.#outstanding < streams) {
      const index = this.#load.next;
      const begin = offsets[index] ?? 0;
      const end = offsets[index + 1] ?? 0;
      const dataLength = end - begin - headersLength - FRAME_HEADER;
      if (dataLength > this.#sendWindow) break;
      this.#load.next = index + 2 < offsets.length ? index + 1 : 0;
      const stream = this.#nextStream;
      if (stream === 1) {
        length = table.firstHeaders.copy(output, 0);
        frames.copy(output, length, begin + headersLength, end);
        output.writeUInt32BE(stream, 5);
        output.writeUInt32BE(stream, length + 5);
        length += FRAME_HEADER + dataLength;
      } else {
        frames.copy(output, length, begin, end);
        output.writeUInt32BE(stream, length + 5);
        output.writeUInt32BE(stream, length + headersLength + 5);
        length += end - begin;
      }
      this.#sendWindow -= dataLength;
      this.#begin(stream, now);
    }
    if (length > 0) this.#write(output.subarray(0, length));
  }

  #write(bytes: Buffer): void {
    this.#outputBusy = true;
    this.#socket.write(bytes, this.#onWritten);
  }

  readonly #onWritten = (): void => {
    this.#outputBusy = this.#socket.writableLength > 0;
  };

  #begin(stream: number, now: number): void {
    const slot = (stream >>> 1) % REMEMBERED;
    if (this.#startedAt[slot] !== 0) throw new Error(`a call was overtaken by ${REMEMBERED} others`);
    this.#startedAt[slot] = now;
    this.#nextStream += 2;
    this.#outstanding++;
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const now = performance.now();
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER) {
      const lengthAndType = bytes.readUInt32BE(at);
      const end = at + FRAME_HEADER + (lengthAndType >>> 8);
      if (end > bytes.length) break;
      const stream = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
      this.#frame(lengthAndType & 0xff, bytes.readUInt8(at + 4), stream, bytes.subarray(at + FRAME_HEADER, end), now);
      at = end;
    }
    this.#rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : Buffer.alloc(0);
    if (this.#received > DEFAULT_WINDOW) {
      this.#socket.write(windowUpdate(this.#received));
      this.#received = 0;
    }
    this.#load.onAnswers();
    this.send();
  }

  #frame(type: number, flags: number, stream: number, payload: Buffer, now: number): void {
    if (type === FrameType.DATA) {
      this.#received += payload.length;
      if (payload.length > 0) this.#data(stream, payload);
      if (flags & Flag.END_STREAM) this.#end(stream, now, payload);
    } else if (type === FrameType.HEADERS) {
      if (flags & Flag.END_STREAM) this.#end(stream, now, payload);
    } else if (type === FrameType.RST_STREAM) {
      this.#verdicts[(stream >>> 1) % REMEMBERED] = undefined;
      this.#end(stream, now, Buffer.from('RST_STREAM'));
    } else if (type === FrameType.SETTINGS && !(flags & Flag.ACK)) {
      this.#socket.write(frame(FrameType.SETTINGS, Flag.ACK, Buffer.alloc(0)));
    } else if (type === FrameType.PING && !(flags & Flag.ACK)) {
      this.#socket.write(frame(FrameType.PING, Flag.ACK, payload));
    } else if (type === FrameType.WINDOW_UPDATE && stream === 0) {
      this.#sendWindow += payload.readUInt32BE(0);
    } else if (type === FrameType.GOAWAY) {
      throw new Error(`the server sent GOAWAY with error ${payload.readUInt32BE(4)}`);
    }
  }

  #data(stream: number, payload: Buffer): void {
    const before = this.#partial.get(stream);
    const message = before === undefined ? payload : Buffer.concat([before, payload]);
    if (message.length < 5 || message.length < 5 + message.readUInt32BE(1)) {
      this.#partial.set(stream, Buffer.from(message));
      return;
    }
    if (before !== undefined) this.#partial.delete(stream);
    this.#verdicts[(stream >>> 1) % REMEMBERED] = readVerdict(this.#load.kind, message);
  }

  #end(stream: number, now: number, lastPayload: Buffer): void {
    const slot = (stream >>> 1) % REMEMBERED;
    const startedAt = this.#startedAt[slot] ?? 0;
    if (startedAt === 0) throw new Error(`the server ended stream ${stream}, which is not open`);
    const { tally } = this.#load;
    const verdict = this.#verdicts[slot];
    if (verdict === undefined) {
      tally.errors++;
      tally.lastError = lastPayload.toString('latin1').replace(/[^\x20-\x7e]+/g, ' ');
    } else {
      tally[verdict]++;
    }
    tally.recordLatency(now - startedAt);
    this.#startedAt[slot] = 0;
    this.#verdicts[slot] = undefined;
    this.#outstanding--;
  }
}

function windowUpdate(increment: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment, 0);
  return frame(FrameType.WINDOW_UPDATE, 0, payload);
}
