import { NONE } from './hash-index.ts';

const PAGE_BYTES = 1 << 20;
const LENGTH_BYTES = 2;
/** Of a piece. */
export const MAX_RECORD_BYTES = 65_535;

export interface SlabOptions {
  /** Bytes of the smallest piece, a power of two; every piece takes a whole number of such grains. */
  readonly grain: number;
  /** Rounds a number of grains up to one of the sizes that there are. */
  readonly size: (grains: number) => number;
}

/**
 * Many small pieces of memory, of up to 64 KB each, outside the garbage collector's sight: each as an object of its own
 * would take several times its bytes. A piece is named by a number of 0 or more.
 */
export class Slab {
  readonly #grain: number;
  readonly #size: (grains: number) => number;
  readonly #placesPerPage: number;
  readonly #pages: Uint8Array[] = [];
  /** By grains: pieces that were freed. */
  readonly #free: number[][] = [];
  /** Where a page's end was left empty, as the next piece was too long for it: the next page. */
  readonly #gaps = new Map<number, number>();
  #next = 0;

  constructor({ grain, size }: SlabOptions) {
    this.#grain = grain;
    this.#size = size;
    this.#placesPerPage = PAGE_BYTES / grain;
  }

  /** Bytes taken from the system. */
  get bytes(): number {
    return this.#pages.length * PAGE_BYTES;
  }

  add(bytes: Uint8Array, length: number): number {
    const piece = this.#take(this.#grainsOf(length));
    this.#fill(piece, bytes, length);
    return piece;
  }

  remove(piece: number): void {
    const grains = this.#grainsOf(this.lengthOf(piece));
    const free = this.#free[grains];
    if (free === undefined) this.#free[grains] = [piece];
    else free.push(piece);
  }

  /**
   * The piece that stands behind another, also one that was removed, whose bytes are as they were; behind NONE the
   * first, behind the last NONE.
   */
  after(piece: number): number {
    const end = piece === NONE ? 0 : piece + this.#grainsOf(this.lengthOf(piece));
    const next = this.#gaps.get(end) ?? end;
    return next < this.#next ? next : NONE;
  }

  /** The page that the piece is on; its bytes stand there from `startOf` on, `lengthOf` of them. */
  pageOf(piece: number): Uint8Array {
    const page = this.#pages[Math.floor(piece / this.#placesPerPage)];
    if (page === undefined) throw new Error(`the slab has no piece ${piece}`);
    return page;
  }

  startOf(piece: number): number {
    return (piece % this.#placesPerPage) * this.#grain + LENGTH_BYTES;
  }

  lengthOf(piece: number): number {
    const page = this.pageOf(piece);
    const start = this.startOf(piece) - LENGTH_BYTES;
    return (page[start] ?? 0) * 256 + (page[start + 1] ?? 0);
  }

  #grainsOf(length: number): number {
    return this.#size(Math.ceil((length + LENGTH_BYTES) / this.#grain));
  }

  #take(grains: number): number {
    const freed = this.#free[grains]?.pop();
    if (freed !== undefined) return freed;
    const left = this.#placesPerPage - (this.#next % this.#placesPerPage);
    if (this.#next === this.#pages.length * this.#placesPerPage) this.#pages.push(new Uint8Array(PAGE_BYTES));
    else if (left < grains) {
      this.#gaps.set(this.#next, this.#next + left);
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
 * Sizes that are powers of two: few, for pieces that grow, as what they leave behind only others of the same size can
 * use, and is never more than what they have.
 */
export function powerOfTwo(grains: number): number {
  return 1 << (32 - Math.clz32(grains - 1));
}

/** Four sizes to each power of two, for pieces that stay as they are: at most a quarter is left empty. */
export function quarterOfPower(grains: number): number {
  const step = Math.max(1, powerOfTwo(grains) >> 3);
  return Math.ceil(grains / step) * step;
}
