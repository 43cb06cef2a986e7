import type { ErrorCode } from '../connection-error.ts';
import { OutputBuffer } from './output-buffer.ts';
import { Flag, FrameType, MAX_FRAME_SIZE, MAX_STREAM_ID } from './protocol-constants.ts';

const END_HEADERS_AND_STREAM = Flag.END_HEADERS | Flag.END_STREAM;

/** Writes frames to the output of one connection. Flow control is up to the caller: see ResponseSender. */
export class FrameWriter {
  readonly output = new OutputBuffer();

  /** Writes a header block that ends its stream: trailers, or the headers of a response without a body. */
  writeFinalHeaders(streamId: number, block: Uint8Array): void {
    if (block.length > MAX_FRAME_SIZE) this.#writeLongFinalHeaders(streamId, block);
    else this.#writeOneFinalFrame(streamId, block);
  }

  #writeOneFinalFrame(streamId: number, block: Uint8Array): void {
    this.output.writeFrameHeader(block.length, FrameType.HEADERS, END_HEADERS_AND_STREAM, streamId);
    this.output.writeBytes(block);
  }

  /** Writes a header block in several frames: the details of an error can be long. */
  #writeLongFinalHeaders(streamId: number, block: Uint8Array): void {
    for (let start = 0; start < block.length; start += MAX_FRAME_SIZE) {
      const part = block.subarray(start, start + MAX_FRAME_SIZE);
      const type = start === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
      const isLast = start + MAX_FRAME_SIZE >= block.length;
      const flags = (start === 0 ? Flag.END_STREAM : 0) | (isLast ? Flag.END_HEADERS : 0);
      this.output.writeFrameHeader(part.length, type, flags, streamId);
      this.output.writeBytes(part);
    }
  }

  writeSettings(pairs: readonly (readonly [id: number, value: number])[]): void {
    this.output.writeFrameHeader(pairs.length * 6, FrameType.SETTINGS, 0, 0);
    for (const [id, value] of pairs) {
      this.output.writeBytes(Uint8Array.of(id >>> 8, id));
      this.output.writeUint32(value);
    }
  }

  writeSettingsAck(): void {
    this.output.writeFrameHeader(0, FrameType.SETTINGS, Flag.ACK, 0);
  }

  /** Writes a PING; `payload` has 8 bytes. */
  writePing(flags: number, payload: Uint8Array): void {
    this.output.writeFrameHeader(8, FrameType.PING, flags, 0);
    this.output.writeBytes(payload);
  }

  /** Writes a WINDOW_UPDATE; stream 0 is the connection. */
  writeWindowUpdate(streamId: number, increment: number): void {
    this.output.writeFrameHeader(4, FrameType.WINDOW_UPDATE, 0, streamId);
    this.output.writeUint32(increment);
  }

  writeRstStream(streamId: number, code: ErrorCode): void {
    this.output.writeFrameHeader(4, FrameType.RST_STREAM, 0, streamId);
    this.output.writeUint32(code);
  }

  /** Writes a GOAWAY with `message` as its debug data. */
  writeGoAway(lastStreamId: number, code: ErrorCode, message: string): void {
    const debugData = Buffer.from(message);
    this.output.writeFrameHeader(8 + debugData.length, FrameType.GOAWAY, 0, 0);
    this.output.writeUint32(lastStreamId & MAX_STREAM_ID);
    this.output.writeUint32(code);
    this.output.writeBytes(debugData);
  }
}
