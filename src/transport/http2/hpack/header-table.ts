import { FIELD_OVERHEAD, type HeaderField } from './header-field.ts';
import { STATIC_TABLE } from './static-table.ts';

/** Size in bytes that the peer's encoder may use: SETTINGS_HEADER_TABLE_SIZE keeps its default. */
export const MAX_TABLE_SIZE = 4096;

/** The most entries that fit, as each counts its overhead at least. A power of two, so that a mask wraps positions. */
const RING_LENGTH = MAX_TABLE_SIZE / FIELD_OVERHEAD;
const RING_MASK = RING_LENGTH - 1;

/**
 * The table that a decoder looks fields up in (RFC 7541, section 2.3.3): the static table first, then the dynamic table
 * with its newest entry first.
 */
export class HeaderTable {
  /** The dynamic table: a ring buffer that is filled in the order of insertion. */
  readonly #ring: HeaderField[] = [];
  /** Where the next entry goes in the ring. */
  #insertPosition = 0;
  #entryCount = 0;
  #size = 0;
  #maxSize = MAX_TABLE_SIZE;
  #version = 0;

  /** Changes with each change of the dynamic table. As long as it is the same, an index refers to the same field. */
  get version(): number {
    return this.#version;
  }

  /** Returns the field at an index that starts from 1. undefined: there is no such entry. */
  get(index: number): HeaderField | undefined {
    if (index <= STATIC_TABLE.length) return STATIC_TABLE[index - 1];
    const age = index - STATIC_TABLE.length;
    return age > this.#entryCount ? undefined : this.#ring[(this.#insertPosition - age) & RING_MASK];
  }

  /** Adds an entry, and evicts the oldest ones for it. A field larger than the table empties it (section 4.4). */
  add(field: HeaderField): void {
    this.#version += 1;
    this.#evictDownTo(this.#maxSize - field.size);
    if (field.size > this.#maxSize) return;
    this.#ring[this.#insertPosition] = field;
    this.#insertPosition = (this.#insertPosition + 1) & RING_MASK;
    this.#entryCount += 1;
    this.#size += field.size;
  }

  /** Sets the maximum size of the dynamic table, which is at most MAX_TABLE_SIZE. */
  resize(maxSize: number): void {
    this.#version += 1;
    this.#maxSize = maxSize;
    this.#evictDownTo(maxSize);
  }

  #evictDownTo(size: number): void {
    while (this.#entryCount > 0 && this.#size > size) {
      const oldest = this.#ring[(this.#insertPosition - this.#entryCount) & RING_MASK];
      if (oldest === undefined) throw new Error('HPACK table: every counted entry must be in the ring');
      this.#size -= oldest.size;
      this.#entryCount -= 1;
    }
  }
}
