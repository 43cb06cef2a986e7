import { connect, type Socket } from 'node:net';
import { CONNECTION_PREFACE, encodeFrame, FRAME_HEADER_BYTES, FrameFlag, FrameType } from './http2-frames.ts';
import type { LoadKind } from './load-job.ts';
import type { LoadRecorder } from './load-recorder.ts';
import { readVerdict, type Verdict } from './read-verdict.ts';
import type { RequestTable } from './request-table.ts';

/** State that the connections of one load share. */
export interface LoadState {
  readonly kind: LoadKind;
  readonly table: RequestTable;
  readonly streams: number;
  /** Records the responses that arrive now. It is replaced after the warm-up. */
  recorder: LoadRecorder;
  isSending: boolean;
  /** Index of the next request. The connections take the requests in turn. */
  nextRequest: number;
  /** Runs after each chunk of responses. */
  onResponses(): void;
}

/** Flow control windows in bytes (RFC 9113, section 6.9). */
const MAX_WINDOW = 2 ** 31 - 1;
const DEFAULT_WINDOW = 65_535;
const SETTINGS_INITIAL_WINDOW_SIZE = 4;
/** The low bits of a stream's number select the slot of its state. So a call can be overtaken by at most this many. */
const STREAM_SLOTS = 65_536;
const READ_BUFFER_BYTES = 262_144;
const NO_BYTES = Buffer.alloc(0);

/** A cleartext HTTP/2 connection that keeps `streams` calls outstanding. */
export class LoadConnection {
  readonly #load: LoadState;
  readonly #socket: Socket;
  /** Start time of the call in each slot; 0: none. */
  readonly #startedAt = new Float64Array(STREAM_SLOTS);
  readonly #verdicts: (Verdict | undefined)[] = new Array(STREAM_SLOTS).fill(undefined);
  /** Beginnings of messages that arrive in several DATA frames, by stream. */
  readonly #partialMessages = new Map<number, Buffer>();
  readonly #output: Buffer;
  #isOutputBusy = false;
  /** Beginning of a frame whose end has not arrived yet. */
  #partialFrame = NO_BYTES;
  #nextStream = 1;
  #outstanding = 0;
  #sendWindow = DEFAULT_WINDOW;
  /** Bytes received since the last WINDOW_UPDATE. */
  #unacknowledged = 0;

  constructor(port: number, load: LoadState, onFault: (fault: Error) => void) {
    this.#load = load;
    this.#output = Buffer.allocUnsafe(load.streams * load.table.maxLength + load.table.firstHeaders.length);
    const receive = (length: number, buffer: Uint8Array) => {
      try {
        this.#receive(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      } catch (fault) {
        onFault(fault as Error); // this class throws only errors
      }
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES), callback: receive };
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread });
    this.#socket.on('error', onFault);
    this.#socket.on('close', () => onFault(new Error('the server closed the connection')));
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(SETTINGS_INITIAL_WINDOW_SIZE, 0);
    settings.writeUInt32BE(MAX_WINDOW, 2);
    this.#socket.write(CONNECTION_PREFACE);
    this.#socket.write(encodeFrame(FrameType.SETTINGS, 0, settings));
    this.#socket.write(encodeWindowUpdate(MAX_WINDOW - DEFAULT_WINDOW));
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  /** Sends requests until `streams` calls are outstanding. */
  send(): void {
    const { table, streams } = this.#load;
    const { frames, offsets, headersLength } = table;
    const output = this.#isOutputBusy ? Buffer.allocUnsafe(this.#output.length) : this.#output;
    const now = performance.now();
    let length = 0;
    while (this.#load.isSending && this.#outstanding < streams) {
      const index = this.#load.nextRequest;
      const begin = offsets[index] ?? 0;
      const end = offsets[index + 1] ?? 0;
      const dataLength = end - begin - headersLength - FRAME_HEADER_BYTES;
      if (dataLength > this.#sendWindow) break;
      this.#load.nextRequest = index + 2 < offsets.length ? index + 1 : 0;
      const stream = this.#nextStream;
      if (stream === 1) {
        length = table.firstHeaders.copy(output, 0);
        frames.copy(output, length, begin + headersLength, end);
        output.writeUInt32BE(stream, 5);
        output.writeUInt32BE(stream, length + 5);
        length += FRAME_HEADER_BYTES + dataLength;
      } else {
        frames.copy(output, length, begin, end);
        output.writeUInt32BE(stream, length + 5);
        output.writeUInt32BE(stream, length + headersLength + 5);
        length += end - begin;
      }
      this.#sendWindow -= dataLength;
      this.#beginCall(stream, now);
    }
    if (length > 0) this.#write(output.subarray(0, length));
  }

  #write(bytes: Buffer): void {
    this.#isOutputBusy = true;
    this.#socket.write(bytes, this.#onWritten);
  }

  readonly #onWritten = (): void => {
    this.#isOutputBusy = this.#socket.writableLength > 0;
  };

  #beginCall(stream: number, now: number): void {
    const slot = slotForStream(stream);
    if (this.#startedAt[slot] !== 0) throw new Error(`a call was overtaken by ${STREAM_SLOTS} others`);
    this.#startedAt[slot] = now;
    this.#nextStream += 2;
    this.#outstanding++;
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#partialFrame.length === 0 ? chunk : Buffer.concat([this.#partialFrame, chunk]);
    const now = performance.now();
    let offset = 0;
    while (bytes.length - offset >= FRAME_HEADER_BYTES) {
      const lengthAndType = bytes.readUInt32BE(offset);
      const payloadOffset = offset + FRAME_HEADER_BYTES;
      const end = payloadOffset + (lengthAndType >>> 8);
      if (end > bytes.length) break;
      const flags = bytes.readUInt8(offset + 4);
      const stream = bytes.readUInt32BE(offset + 5) & 0x7fff_ffff;
      this.#receiveFrame(lengthAndType & 0xff, flags, stream, bytes.subarray(payloadOffset, end), now);
      offset = end;
    }
    // A copy, because the socket reuses the memory of the chunk.
    this.#partialFrame = offset < bytes.length ? Buffer.from(bytes.subarray(offset)) : NO_BYTES;
    if (this.#unacknowledged > DEFAULT_WINDOW) {
      this.#socket.write(encodeWindowUpdate(this.#unacknowledged));
      this.#unacknowledged = 0;
    }
    this.#load.onResponses();
    this.send();
  }

  #receiveFrame(type: number, flags: number, stream: number, payload: Buffer, now: number): void {
    if (type === FrameType.DATA) {
      this.#unacknowledged += payload.length;
      if (payload.length > 0) this.#receiveData(stream, payload);
      if (flags & FrameFlag.END_STREAM) this.#endCall(stream, now, payload);
    } else if (type === FrameType.HEADERS) {
      if (flags & FrameFlag.END_STREAM) this.#endCall(stream, now, payload);
    } else if (type === FrameType.RST_STREAM) {
      this.#verdicts[slotForStream(stream)] = undefined;
      this.#endCall(stream, now, Buffer.from('RST_STREAM'));
    } else if (type === FrameType.SETTINGS && !(flags & FrameFlag.ACK)) {
      this.#socket.write(encodeFrame(FrameType.SETTINGS, FrameFlag.ACK, NO_BYTES));
    } else if (type === FrameType.PING && !(flags & FrameFlag.ACK)) {
      this.#socket.write(encodeFrame(FrameType.PING, FrameFlag.ACK, payload));
    } else if (type === FrameType.WINDOW_UPDATE && stream === 0) {
      this.#sendWindow += payload.readUInt32BE(0);
    } else if (type === FrameType.GOAWAY) {
      throw new Error(`the server sent GOAWAY with error ${payload.readUInt32BE(4)}`);
    }
  }

  #receiveData(stream: number, payload: Buffer): void {
    const beginning = this.#partialMessages.get(stream);
    const message = beginning === undefined ? payload : Buffer.concat([beginning, payload]);
    if (message.length < 5 || message.length < 5 + message.readUInt32BE(1)) {
      this.#partialMessages.set(stream, Buffer.from(message));
      return;
    }
    if (beginning !== undefined) this.#partialMessages.delete(stream);
    this.#verdicts[slotForStream(stream)] = readVerdict(this.#load.kind, message);
  }

  /** Records the end of a call. Without a verdict, `lastPayload` is what may explain the error. */
  #endCall(stream: number, now: number, lastPayload: Buffer): void {
    const slot = slotForStream(stream);
    const startedAt = this.#startedAt[slot] ?? 0;
    if (startedAt === 0) throw new Error(`the server ended stream ${stream}, which is not open`);
    const { recorder } = this.#load;
    const verdict = this.#verdicts[slot];
    if (verdict === undefined) {
      recorder.errors++;
      recorder.lastError = lastPayload.toString('latin1').replace(/[^\x20-\x7e]+/g, ' ');
    } else {
      recorder[verdict]++;
    }
    recorder.recordLatency(now - startedAt);
    this.#startedAt[slot] = 0;
    this.#verdicts[slot] = undefined;
    this.#outstanding--;
  }
}

/** Client streams have odd numbers. */
function slotForStream(stream: number): number {
  return (stream >>> 1) % STREAM_SLOTS;
}

function encodeWindowUpdate(increment: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment, 0);
  return encodeFrame(FrameType.WINDOW_UPDATE, 0, payload);
}
