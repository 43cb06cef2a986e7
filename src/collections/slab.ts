import { NONE } from './hash-index.ts';

const PAGE_BYTES = 1 << 20;
/** Each record is preceded by its length. */
const LENGTH_BYTES = 2;
export const MAX_RECORD_BYTES = 65_535;

export interface SlabOptions {
  /** Unit of allocation, a power of two. Every record occupies a whole number of grains. */
  readonly grainBytes: number;
  /** Rounds a number of grains up to one of the sizes in use. */
  readonly roundUp: (grains: number) => number;
}

/**
 * Stores many small records of up to 64 KB each outside the garbage collector's sight. As objects, records would take
 * several times their size. A record is identified by its address: a number of grains, 0 or more.
 */
export class Slab {
  readonly #grainBytes: number;
  readonly #roundUp: (grains: number) => number;
  readonly #grainsPerPage: number;
  readonly #pages: Uint8Array[] = [];
  /** Addresses of removed records, by their size in grains. */
  readonly #free: number[][] = [];
  /** Gaps at the ends of pages, left because the next record was too long: the gap's address to the next page's. */
  readonly #gaps = new Map<number, number>();
  /** The address after the last record. */
  #end = 0;

  constructor({ grainBytes, roundUp }: SlabOptions) {
    this.#grainBytes = grainBytes;
    this.#roundUp = roundUp;
    this.#grainsPerPage = PAGE_BYTES / grainBytes;
  }

  /** Memory taken from the system. */
  get bytes(): number {
    return this.#pages.length * PAGE_BYTES;
  }

  /** Stores the first `length` bytes as a new record. Returns its address. */
  add(bytes: Uint8Array, length: number): number {
    const address = this.#allocate(this.#sizeInGrains(length));
    this.#write(address, bytes, length);
    return address;
  }

  remove(address: number): void {
    const grains = this.#sizeInGrains(this.lengthAt(address));
    const free = this.#free[grains];
    if (free === undefined) this.#free[grains] = [address];
    else free.push(address);
  }

  /**
   * Returns the address of the record after this one, or NONE after the last record. Given NONE,
   * returns the address of the first record. Includes removed records, with the bytes they had.
   */
  after(address: number): number {
    const end = address === NONE ? 0 : address + this.#sizeInGrains(this.lengthAt(address));
    const next = this.#gaps.get(end) ?? end;
    return next < this.#end ? next : NONE;
  }

  /** The page that contains the record: `lengthAt` bytes from `offsetAt` on. */
  pageAt(address: number): Uint8Array {
    const page = this.#pages[Math.floor(address / this.#grainsPerPage)];
    if (page === undefined) throw new Error(`address: must be that of a record (got ${address})`);
    return page;
  }

  offsetAt(address: number): number {
    return (address % this.#grainsPerPage) * this.#grainBytes + LENGTH_BYTES;
  }

  lengthAt(address: number): number {
    const page = this.pageAt(address);
    const offset = this.offsetAt(address) - LENGTH_BYTES;
    return (page[offset] ?? 0) * 256 + (page[offset + 1] ?? 0);
  }

  /** Whether the record at an address has the bytes of `bytes` from offset `start` to `end`, at the same offsets. */
  equals(address: number, bytes: Uint8Array, start: number, end: number): boolean {
    const page = this.pageAt(address);
    const offset = this.offsetAt(address);
    for (let index = start; index < end; index++) if (page[offset + index] !== bytes[index]) return false;
    return true;
  }

  #sizeInGrains(length: number): number {
    return this.#roundUp(Math.ceil((length + LENGTH_BYTES) / this.#grainBytes));
  }

  #allocate(grains: number): number {
    const freed = this.#free[grains]?.pop();
    if (freed !== undefined) return freed;
    const left = this.#grainsPerPage - (this.#end % this.#grainsPerPage);
    if (this.#end === this.#pages.length * this.#grainsPerPage) this.#pages.push(new Uint8Array(PAGE_BYTES));
    else if (left < grains) {
      this.#gaps.set(this.#end, this.#end + left);
      this.#end += left;
      return this.#allocate(grains);
    }
    const address = this.#end;
    this.#end += grains;
    return address;
  }

  #write(address: number, bytes: Uint8Array, length: number): void {
    const page = this.pageAt(address);
    const offset = this.offsetAt(address);
    page[offset - 2] = length >> 8;
    page[offset - 1] = length & 255;
    for (let index = 0; index < length; index++) page[offset + index] = bytes[index] ?? 0;
  }
}

/**
 * Rounds up to a power of two. For records that grow: there are few sizes, so the space of a removed record is soon
 * reused, and the unused part of a record is never larger than the record.
 */
export function roundUpToPowerOfTwo(grains: number): number {
  return 1 << (32 - Math.clz32(grains - 1));
}

/** Rounds up to one of four sizes per power of two. For records that do not grow: at most a quarter is unused. */
export function roundUpToQuarterPower(grains: number): number {
  const step = Math.max(1, roundUpToPowerOfTwo(grains) >> 3);
  return Math.ceil(grains / step) * step;
}
