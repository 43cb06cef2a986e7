interface Identified {
  /** Odd, as a client's streams are. */
  readonly id: number;
}

const FEWEST = 16;
/** Slots that a connection keeps once its streams are gone: 2 KB. */
const MOST_KEPT = 256;

/**
 * Streams by id: open addressing with linear probing, at most half full. Ids go up by two, so that mostly each has the
 * slot behind the one before. In the worst case a search passes all that are open.
 *
 * Not a Map: that makes its table anew every so many streams, and an old table keeps the next one. Once one of them has
 * grown old, all behind it live on with the requests that were open at the time, a tenth of all that is made, until the
 * next full collection.
 */
export class StreamMap<Stream extends Identified> {
  #slots: (Stream | undefined)[] = emptySlots(FEWEST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    return this.#slots[this.#placeOf(id)];
  }

  /** None of its id may be there. */
  add(stream: Stream): void {
    if (2 * (this.#size + 1) > this.#slots.length) this.#resize(2 * this.#slots.length);
    this.#slots[this.#placeOf(stream.id)] = stream;
    this.#size++;
  }

  delete(id: number): void {
    const slots = this.#slots;
    let hole = this.#placeOf(id);
    if (slots[hole] === undefined) return;
    this.#size--;
    const mask = slots.length - 1;
    // What stands behind moves up where that is nearer to its own slot, so that no search ends before it.
    for (let place = (hole + 1) & mask; ; place = (place + 1) & mask) {
      const other = slots[place];
      if (other === undefined) break;
      const own = slotOf(other.id, mask);
      if (((place - own) & mask) < ((place - hole) & mask)) continue;
      slots[hole] = other;
      hole = place;
    }
    slots[hole] = undefined;
    if (this.#size === 0 && slots.length > MOST_KEPT) this.#slots = emptySlots(FEWEST);
  }

  /** Those that are open now. */
  values(): readonly Stream[] {
    return this.#slots.filter((stream) => stream !== undefined);
  }

  /** Where it is, or would be put. */
  #placeOf(id: number): number {
    const mask = this.#slots.length - 1;
    let place = slotOf(id, mask);
    for (let found = this.#slots[place]; found !== undefined && found.id !== id; found = this.#slots[place]) {
      place = (place + 1) & mask;
    }
    return place;
  }

  #resize(length: number): void {
    const streams = this.#slots;
    this.#slots = emptySlots(length);
    for (const stream of streams) if (stream !== undefined) this.#slots[this.#placeOf(stream.id)] = stream;
  }
}

function slotOf(id: number, mask: number): number {
  return (id >>> 1) & mask;
}

function emptySlots<Stream>(length: number): (Stream | undefined)[] {
  return Array.from({ length }, () => undefined);
}
