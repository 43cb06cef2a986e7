import { readUint8 } from '../frames/read-uint.ts';
import { HeaderDecoder } from '../hpack/header-decoder.ts';
import type { HeaderField } from '../hpack/header-field.ts';
import { areTrailersWellFormed, validateHeaders } from './validate-headers.ts';

/**
 * Extracts what the application needs from the header fields of a request, its "head". Must be a pure function, because
 * its results are reused for equal requests.
 */
export type HeadReader<Head> = (fields: readonly HeaderField[]) => Head;

/** A request with valid headers. */
export interface WellFormedRequest<Head> {
  readonly fault: undefined;
  readonly head: Head;
  readonly contentLength: number | undefined;
}

/** A request whose headers are malformed or too large. */
export interface RejectedRequest {
  readonly fault: 'malformed' | 'too-large';
}

const MALFORMED: RejectedRequest = { fault: 'malformed' };
const TOO_LARGE: RejectedRequest = { fault: 'too-large' };

/** A decoded header block. An equal block decodes to the same request while the decoder's table has this version. */
interface CachedBlock<Head> {
  readonly block: Uint8Array;
  readonly tableVersion: number;
  readonly request: WellFormedRequest<Head>;
}

/** Clients send few different header blocks again and again, so a small cache is enough. A power of two. */
const CACHE_SLOTS = 8;
/** Longer blocks are not worth caching. */
const MAX_CACHED_BLOCK_LENGTH = 512;

/** Decodes the header blocks of one connection. A block equal to a cached one costs only a comparison of its bytes. */
export class RequestDecoder<Head> {
  readonly #decoder: HeaderDecoder;
  readonly #readHead: HeadReader<Head>;
  readonly #cache: (CachedBlock<Head> | undefined)[] = [];

  /** `maxHeaderListSize` is that of HeaderDecoder. */
  constructor(readHead: HeadReader<Head>, maxHeaderListSize: number | undefined) {
    this.#decoder = new HeaderDecoder(maxHeaderListSize);
    this.#readHead = readHead;
  }

  /** Decodes the header block of a request. Throws a ConnectionError when the block is not valid HPACK. */
  decode(bytes: Buffer, start: number, end: number): WellFormedRequest<Head> | RejectedRequest {
    const slot = chooseSlot(bytes, start, end);
    const cached = this.#cache[slot];
    const tableVersion = this.#decoder.tableVersion;
    if (cached !== undefined && cached.tableVersion === tableVersion && isEqual(cached.block, bytes, start, end))
      return cached.request;
    const { fields, isTooLarge } = this.#decoder.decode(bytes, start, end);
    if (isTooLarge) return TOO_LARGE;
    const validHeaders = validateHeaders(fields);
    if (validHeaders === undefined) return MALFORMED;
    const request: WellFormedRequest<Head> = {
      fault: undefined,
      head: this.#readHead(fields),
      contentLength: validHeaders.contentLength,
    };
    if (tableVersion === this.#decoder.tableVersion && end - start <= MAX_CACHED_BLOCK_LENGTH)
      this.#cache[slot] = { block: Uint8Array.prototype.slice.call(bytes, start, end), tableVersion, request };
    return request;
  }

  /** Decodes trailers, and returns whether they are well-formed. A server of unary calls does not need their fields. */
  decodeTrailers(bytes: Buffer, start: number, end: number): boolean {
    const { fields, isTooLarge } = this.#decoder.decode(bytes, start, end);
    return !isTooLarge && areTrailersWellFormed(fields);
  }
}

function chooseSlot(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const lastByte = length > 0 ? readUint8(bytes, end - 1) : 0;
  const middleByte = length > 0 ? readUint8(bytes, start + (length >>> 1)) : 0;
  return (length ^ lastByte ^ middleByte) & (CACHE_SLOTS - 1);
}

function isEqual(block: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (block.length !== length) return false;
  for (let offset = 0; offset < length; offset++) if (block[offset] !== bytes[start + offset]) return false;
  return true;
}
