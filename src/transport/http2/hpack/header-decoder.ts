import { ConnectionError, ErrorCode } from '../connection-error.ts';
import { CONNECTION_LIMITS } from '../connection-limits.ts';
import { readUint8 } from '../frames/read-uint.ts';
import { createHeaderField, type HeaderField } from './header-field.ts';
import { HeaderTable, MAX_TABLE_SIZE } from './header-table.ts';
import { decodeHuffman, maxDecodedLength } from './huffman.ts';

/** The fields of one header block. */
export interface HeaderList {
  /** All fields, or only those before the list exceeded SETTINGS_MAX_HEADER_LIST_SIZE. */
  readonly fields: readonly HeaderField[];
  readonly isTooLarge: boolean;
}

/** Larger lengths and indexes are an attack. Below it, `shift` stays small enough for exact arithmetic. */
const MAX_INTEGER = 2 ** 24;

/** Decodes the header blocks of one connection, in the order in which they arrive (RFC 7541). */
export class HeaderDecoder {
  readonly #table = new HeaderTable();
  /** The block being decoded, from `#offset` (the next byte) to `#end`. */
  #block: Buffer = Buffer.alloc(0);
  #offset = 0;
  #end = 0;
  readonly #maxListSize: number;

  constructor(maxListSize: number = CONNECTION_LIMITS.maxHeaderListSize) {
    this.#maxListSize = maxListSize;
  }

  /** As long as this version is the same, equal blocks decode to equal lists. */
  get tableVersion(): number {
    return this.#table.version;
  }

  /**
   * Decodes the block from `start` to `end`. Throws a ConnectionError when the block is invalid or far too large; the
   * decoder must not be used after that. A block that is merely too large is decoded in full, because the next one may
   * refer to its fields.
   */
  decode(block: Buffer, start: number, end: number): HeaderList {
    this.#block = block;
    this.#offset = start;
    this.#end = end;
    const { fatalHeaderListSize } = CONNECTION_LIMITS;
    const fields: HeaderField[] = [];
    let size = 0;
    while (this.#offset < this.#end) {
      const firstByte = readUint8(block, this.#offset);
      if ((firstByte & 0xe0) === 0x20) {
        if (size > 0) throw compressionError('table size update: must precede the header fields');
        this.#readTableSizeUpdate();
        continue;
      }
      const field = firstByte >= 0x80 ? this.#lookUp(this.#readInteger(7)) : this.#readLiteral(firstByte);
      size += field.size;
      if (size > fatalHeaderListSize)
        throw new ConnectionError(
          ErrorCode.ENHANCE_YOUR_CALM,
          `header list: must have at most ${fatalHeaderListSize} bytes`,
        );
      if (size <= this.#maxListSize) fields.push(field);
    }
    return { fields, isTooLarge: size > this.#maxListSize };
  }

  #readTableSizeUpdate(): void {
    const maxSize = this.#readInteger(5);
    if (maxSize > MAX_TABLE_SIZE)
      throw compressionError(`table size update: must be at most ${MAX_TABLE_SIZE} (got ${maxSize})`);
    this.#table.resize(maxSize);
  }

  #lookUp(index: number): HeaderField {
    const field = this.#table.get(index);
    if (field === undefined) throw compressionError(`index: must be that of a header field (got ${index})`);
    return field;
  }

  /** Reads a literal field (RFC 7541, section 6.2), and adds it to the table if its first byte says so. */
  #readLiteral(firstByte: number): HeaderField {
    const isAddedToTable = firstByte >= 0x40;
    const nameIndex = this.#readInteger(isAddedToTable ? 6 : 4);
    const name = nameIndex === 0 ? this.#readString() : this.#lookUp(nameIndex).name;
    const field = createHeaderField(name, this.#readString());
    if (isAddedToTable) this.#table.add(field);
    return field;
  }

  /** Reads an integer that starts in the low `prefixBits` of the next byte (RFC 7541, section 5.1). */
  #readInteger(prefixBits: number): number {
    const maxPrefix = (1 << prefixBits) - 1;
    let value = this.#readByte() & maxPrefix;
    if (value < maxPrefix) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#readByte();
      value += (byte & 0x7f) * 2 ** shift;
      if (value > MAX_INTEGER || shift > 28) throw compressionError(`integer: must be at most ${MAX_INTEGER}`);
      if (byte < 0x80) return value;
    }
  }

  #readByte(): number {
    if (this.#offset >= this.#end) throw compressionError('header block: must not be cut short');
    return readUint8(this.#block, this.#offset++);
  }

  #readString(): string {
    const isHuffman = this.#offset < this.#end && readUint8(this.#block, this.#offset) >= 0x80;
    const length = this.#readInteger(7);
    const start = this.#offset;
    if (length > this.#end - start) throw compressionError('header block: must not be cut short');
    this.#offset += length;
    if (!isHuffman) return this.#block.toString('latin1', start, this.#offset);
    const scratch = getScratch(maxDecodedLength(length));
    const decodedLength = decodeHuffman(this.#block, start, this.#offset, scratch);
    if (decodedLength < 0) throw compressionError('string: must be valid Huffman code');
    return scratch.toString('latin1', 0, decodedLength);
  }
}

const sharedScratch = Buffer.allocUnsafeSlow(4096);

function getScratch(length: number): Buffer {
  return length <= sharedScratch.length ? sharedScratch : Buffer.allocUnsafe(length);
}

function compressionError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, message);
}
