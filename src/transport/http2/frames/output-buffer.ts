import { FRAME_HEADER_LENGTH } from './protocol-constants.ts';

const CHUNK_LENGTH = 16_384;
const MAX_FREE = 64;
/** Below that a loop is faster than the call of TypedArray.prototype.set. */
const SHORT_COPY = 48;

/**
 * Buffers to write from, used again: a fresh one for each write would be external memory that drives the garbage
 * collector into whole-heap collections.
 */
class ChunkPool {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_LENGTH);
  }

  give(chunk: Buffer): void {
    if (this.#free.length < MAX_FREE) this.#free.push(chunk);
  }
}

const pool = new ChunkPool();

/** What a connection has to say and has not been taken yet. It holds no memory while there is nothing. */
export class OutputBuffer {
  #full: Buffer[] = [];
  #chunk: Buffer | undefined;
  #at = 0;
  #taken: Buffer[] = [];

  /** Bytes written and not taken. */
  get length(): number {
    return this.#full.length * CHUNK_LENGTH + this.#at;
  }

  frameHeader(length: number, type: number, flags: number, streamId: number): void {
    if (this.#at + FRAME_HEADER_LENGTH > CHUNK_LENGTH) {
      this.bytes(Buffer.from([length >>> 16, length >>> 8, length, type, flags]));
      this.uint32(streamId);
      return;
    }
    const chunk = this.#writable();
    const at = this.#at;
    chunk[at] = length >>> 16;
    chunk[at + 1] = length >>> 8;
    chunk[at + 2] = length;
    chunk[at + 3] = type;
    chunk[at + 4] = flags;
    chunk[at + 5] = streamId >>> 24;
    chunk[at + 6] = streamId >>> 16;
    chunk[at + 7] = streamId >>> 8;
    chunk[at + 8] = streamId;
    this.#at = at + FRAME_HEADER_LENGTH;
  }

  uint32(value: number): void {
    this.bytes(Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]));
  }

  bytes(source: Uint8Array): void {
    this.range(source, 0, source.length);
  }

  range(source: Uint8Array, start: number, end: number): void {
    for (let from = start; from < end; ) {
      const chunk = this.#writable();
      const length = Math.min(end - from, CHUNK_LENGTH - this.#at);
      copy(source, from, length, chunk, this.#at);
      this.#at += length;
      from += length;
    }
  }

  /** Takes all that is there, as views that stay valid until `release`; one taking at a time. */
  take(): Buffer[] {
    const views = this.#full;
    this.#taken = views.slice();
    if (this.#chunk !== undefined) {
      this.#taken.push(this.#chunk);
      views.push(this.#chunk.subarray(0, this.#at));
    }
    this.#full = [];
    this.#chunk = undefined;
    this.#at = 0;
    return views;
  }

  /** What was taken has been written, or never will be. */
  release(): void {
    for (const chunk of this.#taken) pool.give(chunk);
    this.#taken = [];
  }

  #writable(): Buffer {
    if (this.#chunk !== undefined) {
      if (this.#at < CHUNK_LENGTH) return this.#chunk;
      this.#full.push(this.#chunk);
    }
    this.#at = 0;
    this.#chunk = pool.take();
    return this.#chunk;
  }
}

function copy(source: Uint8Array, from: number, length: number, target: Uint8Array, at: number): void {
  if (length <= SHORT_COPY) {
    for (let offset = 0; offset < length; offset++) target[at + offset] = source[from + offset] as number; // inside
    return;
  }
  target.set(length === source.length ? source : source.subarray(from, from + length), at);
}
