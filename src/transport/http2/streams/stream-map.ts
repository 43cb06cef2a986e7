interface Identified {
  /** Odd, as the stream ids of clients are. */
  readonly id: number;
}

const MIN_SLOTS = 16;
/** Slots that an empty map keeps: 2 KB. */
const MAX_SLOTS_WHEN_EMPTY = 256;

/**
 * Streams by id: a hash table with open addressing and linear probing, at most half full. Ids grow by two, so a stream
 * mostly takes the slot after that of the stream before it. In the worst case a search passes all open streams.
 *
 * It is not a Map, because a Map rebuilds its table every so many insertions, and an old table keeps the next one
 * alive. Once one of these tables has moved to the old generation, all later ones survive until the next full garbage
 * collection, together with the requests that were open at the time: a tenth of all allocations.
 */
export class StreamMap<Stream extends Identified> {
  #slots: (Stream | undefined)[] = createSlots(MIN_SLOTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    return this.#slots[this.#findSlot(id)];
  }

  /** Adds a stream. The map must not contain another one with its id. */
  add(stream: Stream): void {
    if (2 * (this.#size + 1) > this.#slots.length) this.#resize(2 * this.#slots.length);
    this.#slots[this.#findSlot(stream.id)] = stream;
    this.#size++;
  }

  delete(id: number): void {
    const slots = this.#slots;
    let hole = this.#findSlot(id);
    if (slots[hole] === undefined) return;
    this.#size--;
    const mask = slots.length - 1;
    // Later streams move into the hole where that brings them nearer to their home slot, so that no search stops early.
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const stream = slots[slot];
      if (stream === undefined) break;
      const home = homeSlot(stream.id, mask);
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = stream;
      hole = slot;
    }
    slots[hole] = undefined;
    if (this.#size === 0 && slots.length > MAX_SLOTS_WHEN_EMPTY) this.#slots = createSlots(MIN_SLOTS);
  }

  /** Returns the streams in the map, as a copy. */
  values(): readonly Stream[] {
    return this.#slots.filter((stream) => stream !== undefined);
  }

  /** Finds the slot of the stream with this id, or the empty slot that it would take. */
  #findSlot(id: number): number {
    const mask = this.#slots.length - 1;
    let slot = homeSlot(id, mask);
    for (let stream = this.#slots[slot]; stream !== undefined && stream.id !== id; stream = this.#slots[slot]) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #resize(length: number): void {
    const streams = this.#slots;
    this.#slots = createSlots(length);
    for (const stream of streams) if (stream !== undefined) this.#slots[this.#findSlot(stream.id)] = stream;
  }
}

function homeSlot(id: number, mask: number): number {
  return (id >>> 1) & mask;
}

function createSlots<Stream>(length: number): (Stream | undefined)[] {
  return Array.from({ length }, () => undefined);
}
