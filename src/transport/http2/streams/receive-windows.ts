import { CONNECTION_LIMITS } from '../connection-limits.ts';
import type { FrameWriter } from '../frames/frame-writer.ts';
import type { ServerStream } from './server-stream.ts';

/**
 * Flow control of received DATA. The application receives data at once, so its share of the windows is free at once.
 * A WINDOW_UPDATE returns it to the peer as soon as half of a window has been used.
 */
export class ReceiveWindows {
  readonly #writer: FrameWriter;
  /** Bytes received on the connection and not yet returned by a WINDOW_UPDATE. */
  #connectionBytes = 0;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  /** Counts `length` bytes against the connection's window. */
  consumeOnConnection(length: number): void {
    this.#connectionBytes += length;
    if (this.#connectionBytes < CONNECTION_LIMITS.connectionWindowBytes / 2) return;
    this.#writer.writeWindowUpdate(0, this.#connectionBytes);
    this.#connectionBytes = 0;
  }

  /** Counts `length` bytes against the stream's window. */
  consumeOnStream(stream: ServerStream, length: number): void {
    stream.unreturnedWindow += length;
    if (stream.unreturnedWindow < CONNECTION_LIMITS.streamWindowBytes / 2) return;
    this.#writer.writeWindowUpdate(stream.id, stream.unreturnedWindow);
    stream.unreturnedWindow = 0;
  }
}
