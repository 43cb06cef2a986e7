import { byteAt } from '../frames/read-uint.ts';
import { ConnectionError, ErrorCode } from '../frames/protocol-constants.ts';
import { LIMITS } from '../connection-limits.ts';
import { type HeaderField, headerField } from './header-field.ts';
import { HeaderTable, MAX_TABLE_SIZE } from './header-table.ts';
import { decodeHuffman, longestDecoded } from './huffman.ts';

export interface HeaderList {
  /** All fields, or those before the list grew over the limit. */
  readonly fields: readonly HeaderField[];
  readonly tooLarge: boolean;
}

/** Lengths and indexes above that are an attack, and shifting stays exact below it. */
const LARGEST_INTEGER = 2 ** 24;

/** Decodes the header blocks of one connection, in their order (RFC 7541). */
export class HeaderDecoder {
  readonly #table = new HeaderTable();
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** Equal blocks decode alike as long as this stays the same. */
  get tableVersion(): number {
    return this.#table.version;
  }

  /** A block that is not valid, or far too large, throws a ConnectionError and leaves the decoder useless. */
  decode(block: Buffer, start: number, end: number): HeaderList {
    this.#block = block;
    this.#at = start;
    this.#end = end;
    const fields: HeaderField[] = [];
    let size = 0;
    while (this.#at < this.#end) {
      const byte = byteAt(block, this.#at);
      if ((byte & 0xe0) === 0x20) {
        if (size > 0) throw compressionError('table size update after a header field');
        this.#resize();
        continue;
      }
      const field = byte >= 0x80 ? this.#indexed(this.#integer(7)) : this.#literal(byte);
      size += field.size;
      if (size > LIMITS.headerListBomb) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'header list too large');
      if (size <= LIMITS.headerListSize) fields.push(field);
    }
    return { fields, tooLarge: size > LIMITS.headerListSize };
  }

  #resize(): void {
    const maxSize = this.#integer(5);
    if (maxSize > MAX_TABLE_SIZE) throw compressionError('table size update above the setting');
    this.#table.resize(maxSize);
  }

  #indexed(index: number): HeaderField {
    const field = this.#table.at(index);
    if (field === undefined) throw compressionError('no header field at the index');
    return field;
  }

  #literal(byte: number): HeaderField {
    const isAdded = byte >= 0x40;
    const index = this.#integer(isAdded ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#indexed(index).name;
    const field = headerField(name, this.#string());
    if (isAdded) this.#table.add(field);
    return field;
  }

  #integer(prefixBits: number): number {
    const max = (1 << prefixBits) - 1;
    let value = this.#byte() & max;
    if (value < max) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (value > LARGEST_INTEGER || shift > 28) throw compressionError('integer too large');
      if (byte < 0x80) return value;
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw compressionError('header block cut short');
    return byteAt(this.#block, this.#at++);
  }

  #string(): string {
    const isHuffman = this.#at < this.#end && byteAt(this.#block, this.#at) >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    if (length > this.#end - start) throw compressionError('header block cut short');
    this.#at += length;
    if (!isHuffman) return this.#block.toString('latin1', start, this.#at);
    const scratch = scratchFor(longestDecoded(length));
    const decodedLength = decodeHuffman(this.#block, start, this.#at, scratch);
    if (decodedLength < 0) throw compressionError('invalid Huffman code');
    return scratch.toString('latin1', 0, decodedLength);
  }
}

const sharedScratch = Buffer.allocUnsafeSlow(4096);

function scratchFor(length: number): Buffer {
  return length <= sharedScratch.length ? sharedScratch : Buffer.allocUnsafe(length);
}

function compressionError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, message);
}
