import { byteAt } from '../frames/read-uint.ts';
import { HeaderDecoder } from '../hpack/header-decoder.ts';
import type { HeaderField } from '../hpack/header-field.ts';
import { areTrailersWellFormed, validateHeaders } from './validate-headers.ts';

/** What the application reads from a request's header fields: a pure function, as its results are reused. */
export type HeadReader<Head> = (fields: readonly HeaderField[]) => Head;

export interface Request<Head> {
  readonly fault: undefined;
  readonly head: Head;
  readonly contentLength: number | undefined;
}
export interface RequestFault {
  readonly fault: 'malformed' | 'too-large';
}

const MALFORMED: RequestFault = { fault: 'malformed' };
const TOO_LARGE: RequestFault = { fault: 'too-large' };

interface KnownBlock<Head> {
  readonly block: Uint8Array;
  readonly tableVersion: number;
  readonly request: Request<Head>;
}

/** Clients send few different header blocks over and over; longer ones than this are not worth keeping. */
const SLOTS = 8;
const LONGEST_KEPT = 512;

/** Reads the header blocks of one connection; a block met before costs a comparison of its bytes. */
export class RequestReader<Head> {
  readonly #decoder = new HeaderDecoder();
  readonly #readHead: HeadReader<Head>;
  readonly #known: (KnownBlock<Head> | undefined)[] = [];

  constructor(readHead: HeadReader<Head>) {
    this.#readHead = readHead;
  }

  read(bytes: Buffer, start: number, end: number): Request<Head> | RequestFault {
    const slot = slotOf(bytes, start, end);
    const known = this.#known[slot];
    const tableVersion = this.#decoder.tableVersion;
    if (known !== undefined && known.tableVersion === tableVersion && isEqual(known.block, bytes, start, end))
      return known.request;
    const { fields, tooLarge } = this.#decoder.decode(bytes, start, end);
    if (tooLarge) return TOO_LARGE;
    const shape = validateHeaders(fields);
    if (shape === undefined) return MALFORMED;
    const request: Request<Head> = {
      fault: undefined,
      head: this.#readHead(fields),
      contentLength: shape.contentLength,
    };
    if (tableVersion === this.#decoder.tableVersion && end - start <= LONGEST_KEPT)
      this.#known[slot] = { block: Uint8Array.prototype.slice.call(bytes, start, end), tableVersion, request };
    return request;
  }

  /** Whether trailers are well-formed; their fields are of no interest to a server of unary calls. */
  readTrailers(bytes: Buffer, start: number, end: number): boolean {
    const { fields, tooLarge } = this.#decoder.decode(bytes, start, end);
    return !tooLarge && areTrailersWellFormed(fields);
  }
}

function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const last = length > 0 ? byteAt(bytes, end - 1) : 0;
  const middle = length > 0 ? byteAt(bytes, start + (length >>> 1)) : 0;
  return (length ^ last ^ middle) & (SLOTS - 1);
}

function isEqual(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (known.length !== length) return false;
  for (let at = 0; at < length; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}
