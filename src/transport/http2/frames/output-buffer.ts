import { FRAME_HEADER_LENGTH } from './protocol-constants.ts';

const CHUNK_LENGTH = 16_384;
const MAX_FREE_CHUNKS = 64;
/** Up to this many bytes, a loop is faster than a call of TypedArray.prototype.set. */
const MAX_LOOP_COPY_LENGTH = 48;

/**
 * Reuses the buffers that connections write from. A new buffer for each write would be external memory, which drives
 * the garbage collector into collections of the whole heap.
 */
class ChunkPool {
  readonly #free: Buffer[] = [];

  acquire(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_LENGTH);
  }

  release(chunk: Buffer): void {
    if (this.#free.length < MAX_FREE_CHUNKS) this.#free.push(chunk);
  }
}

const pool = new ChunkPool();

/** Bytes that a connection has written and its transport has not taken yet. It holds no memory while it is empty. */
export class OutputBuffer {
  #fullChunks: Buffer[] = [];
  /** The chunk being filled; `#chunkLength` bytes of it are written. */
  #chunk: Buffer | undefined;
  #chunkLength = 0;
  #takenChunks: Buffer[] = [];

  /** Bytes written and not taken. */
  get length(): number {
    return this.#fullChunks.length * CHUNK_LENGTH + this.#chunkLength;
  }

  writeFrameHeader(length: number, type: number, flags: number, streamId: number): void {
    if (this.#chunkLength + FRAME_HEADER_LENGTH > CHUNK_LENGTH) {
      this.writeBytes(Buffer.from([length >>> 16, length >>> 8, length, type, flags]));
      this.writeUint32(streamId);
      return;
    }
    const chunk = this.#writableChunk();
    const offset = this.#chunkLength;
    chunk[offset] = length >>> 16;
    chunk[offset + 1] = length >>> 8;
    chunk[offset + 2] = length;
    chunk[offset + 3] = type;
    chunk[offset + 4] = flags;
    chunk[offset + 5] = streamId >>> 24;
    chunk[offset + 6] = streamId >>> 16;
    chunk[offset + 7] = streamId >>> 8;
    chunk[offset + 8] = streamId;
    this.#chunkLength = offset + FRAME_HEADER_LENGTH;
  }

  writeUint32(value: number): void {
    this.writeBytes(Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]));
  }

  writeBytes(source: Uint8Array): void {
    this.writeRange(source, 0, source.length);
  }

  writeRange(source: Uint8Array, start: number, end: number): void {
    for (let offset = start; offset < end; ) {
      const chunk = this.#writableChunk();
      const length = Math.min(end - offset, CHUNK_LENGTH - this.#chunkLength);
      copyBytes(source, offset, length, chunk, this.#chunkLength);
      this.#chunkLength += length;
      offset += length;
    }
  }

  /**
   * Takes everything that was written, as views that stay valid until `release`. Call `release` before taking again.
   */
  take(): Buffer[] {
    const views = this.#fullChunks;
    this.#takenChunks = views.slice();
    if (this.#chunk !== undefined) {
      this.#takenChunks.push(this.#chunk);
      views.push(this.#chunk.subarray(0, this.#chunkLength));
    }
    this.#fullChunks = [];
    this.#chunk = undefined;
    this.#chunkLength = 0;
    return views;
  }

  /** Frees the memory of the taken views: they have been sent, or never will be. */
  release(): void {
    for (const chunk of this.#takenChunks) pool.release(chunk);
    this.#takenChunks = [];
  }

  #writableChunk(): Buffer {
    if (this.#chunk !== undefined) {
      if (this.#chunkLength < CHUNK_LENGTH) return this.#chunk;
      this.#fullChunks.push(this.#chunk);
    }
    this.#chunkLength = 0;
    this.#chunk = pool.acquire();
    return this.#chunk;
  }
}

function copyBytes(source: Uint8Array, start: number, length: number, target: Uint8Array, targetStart: number): void {
  if (length <= MAX_LOOP_COPY_LENGTH) {
    for (let offset = 0; offset < length; offset++) {
      target[targetStart + offset] = source[start + offset] as number; // the range lies inside `source`
    }
    return;
  }
  target.set(length === source.length ? source : source.subarray(start, start + length), targetStart);
}
