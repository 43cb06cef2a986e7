import type { ServerStream } from './server-stream.ts';
import { StreamMap } from './stream-map.ts';

const MAX_REMEMBERED_RESETS = 1024;

/** The open streams of one connection, and the facts about closed ones that later frames depend on. */
export class StreamRegistry {
  readonly #open = new StreamMap<ServerStream>();
  readonly #resetByServer = new Set<number>();
  /** The stream added last, which most frames are for. */
  #latest: ServerStream | undefined;
  #highestId = 0;
  #hasSkippedIds = false;

  get size(): number {
    return this.#open.size;
  }

  /** The highest id that the peer has used. */
  get highestId(): number {
    return this.#highestId;
  }

  /** Whether the peer has skipped ids, so that an id below `highestId` may never have been a stream. */
  get hasSkippedIds(): boolean {
    return this.#hasSkippedIds;
  }

  /** Records that the peer has used an id. It must be above `highestId`. */
  markUsed(id: number): void {
    if (id !== this.#highestId + 2 && id !== 1) this.#hasSkippedIds = true;
    this.#highestId = id;
  }

  add(stream: ServerStream): void {
    this.#open.add(stream);
    this.#latest = stream;
  }

  get(id: number): ServerStream | undefined {
    return this.#latest?.id === id ? this.#latest : this.#open.get(id);
  }

  delete(stream: ServerStream): void {
    this.#open.delete(stream.id);
    if (this.#latest === stream) this.#latest = undefined;
  }

  values(): readonly ServerStream[] {
    return this.#open.values();
  }

  /**
   * Remembers that this server reset the stream, because frames that the peer sent before it received the reset must be
   * ignored. Only the latest 1024 such streams are remembered.
   */
  rememberReset(id: number): void {
    this.#resetByServer.add(id);
    if (this.#resetByServer.size <= MAX_REMEMBERED_RESETS) return;
    for (const oldest of this.#resetByServer) {
      this.#resetByServer.delete(oldest);
      return;
    }
  }

  wasResetByServer(id: number): boolean {
    return this.#resetByServer.has(id);
  }
}
