import type { ServerStream } from './server-stream.ts';
import { StreamMap } from './stream-map.ts';

const REMEMBERED_RESETS = 1024;

/** The open streams of a connection, and what has to be known of those that are not. */
export class StreamTable {
  readonly #open = new StreamMap<ServerStream>();
  readonly #resetHere = new Set<number>();
  #latest: ServerStream | undefined;
  #lastId = 0;
  #hasSkippedIds = false;

  get size(): number {
    return this.#open.size;
  }

  /** The highest id that the peer has used. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Whether the peer has passed over ids, so that an id below `lastId` may never have been a stream. */
  get hasSkippedIds(): boolean {
    return this.#hasSkippedIds;
  }

  use(id: number): void {
    if (id !== this.#lastId + 2 && id !== 1) this.#hasSkippedIds = true;
    this.#lastId = id;
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

  /** Frames that were under way when this side reset a stream are to be ignored; the latest such streams are known. */
  rememberReset(id: number): void {
    this.#resetHere.add(id);
    if (this.#resetHere.size <= REMEMBERED_RESETS) return;
    for (const oldest of this.#resetHere) {
      this.#resetHere.delete(oldest);
      return;
    }
  }

  wasResetHere(id: number): boolean {
    return this.#resetHere.has(id);
  }
}
