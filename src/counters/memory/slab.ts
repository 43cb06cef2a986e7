/** Bytes of the smallest piece. */
const GRAIN = 32;
const PAGE_BYTES = 1 << 20;
const PLACES_PER_PAGE = PAGE_BYTES / GRAIN;
const LENGTH_BYTES = 2;

/**
 * Many small pieces of memory, of up to 64 KB each, outside the garbage collector's sight: a counter as an object of
 * its own would take several times its bytes. A piece is named by a number of 0 or more.
 */
export class Slab {
  readonly #pages: Uint8Array[] = [];
  /** By grains: pieces that were freed. */
  readonly #free: number[][] = [];
  #next = 0;

  /** Bytes taken from the system. */
  get bytes(): number {
    return this.#pages.length * PAGE_BYTES;
  }

  add(bytes: Uint8Array, length: number): number {
    const piece = this.#take(grainsOf(length));
    this.#fill(piece, bytes, length);
    return piece;
  }

  remove(piece: number): void {
    const grains = grainsOf(this.lengthOf(piece));
    const free = this.#free[grains];
    if (free === undefined) this.#free[grains] = [piece];
    else free.push(piece);
  }

  /** The page that the piece is on; its bytes stand there from `startOf` on, `lengthOf` of them. */
  pageOf(piece: number): Uint8Array {
    const page = this.#pages[Math.floor(piece / PLACES_PER_PAGE)];
    if (page === undefined) throw new Error(`the slab has no piece ${piece}`);
    return page;
  }

  startOf(piece: number): number {
    return (piece % PLACES_PER_PAGE) * GRAIN + LENGTH_BYTES;
  }

  lengthOf(piece: number): number {
    const page = this.pageOf(piece);
    const start = this.startOf(piece) - LENGTH_BYTES;
    return (page[start] ?? 0) * 256 + (page[start + 1] ?? 0);
  }

  #take(grains: number): number {
    const freed = this.#free[grains]?.pop();
    if (freed !== undefined) return freed;
    const left = PLACES_PER_PAGE - (this.#next % PLACES_PER_PAGE);
    if (this.#next === this.#pages.length * PLACES_PER_PAGE) this.#pages.push(new Uint8Array(PAGE_BYTES));
    else if (left < grains) {
      this.#next += left;
      return this.#take(grains);
    }
    const piece = this.#next;
    this.#next += grains;
    return piece;
  }

  #fill(piece: number, bytes: Uint8Array, length: number): void {
    const page = this.pageOf(piece);
    const start = this.startOf(piece);
    page[start - 2] = length >> 8;
    page[start - 1] = length & 255;
    for (let place = 0; place < length; place++) page[start + place] = bytes[place] ?? 0;
  }
}

/**
 * Powers of two: a counter that grows leaves pieces behind that only others of their size can use, so sizes are few, and
 * what it left is never more than what it has.
 */
function grainsOf(length: number): number {
  const least = Math.ceil((length + LENGTH_BYTES) / GRAIN);
  return 1 << (32 - Math.clz32(least - 1));
}
