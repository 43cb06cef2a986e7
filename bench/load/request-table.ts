import { encodeFrame, FrameFlag, FrameType } from './http2-frames.ts';
import { type LoadRequests, selectMethodPath } from './load-job.ts';
import { encodeRequestMessages } from './request-messages.ts';

/** All requests of a load in their wire format, encoded once. Only the stream ids are missing. */
export interface RequestTable {
  /** HEADERS frame of a connection's first request. It fills the HPACK table that the later frames refer to. */
  readonly firstHeaders: Buffer;
  /** A HEADERS frame and a DATA frame for each request, one request after the other. */
  readonly frames: Buffer;
  /** Offset of each request in `frames`, then the length of `frames`. */
  readonly offsets: readonly number[];
  /** Length of a request's HEADERS frame, the same for all. */
  readonly headersLength: number;
  /** Length of the longest request, both frames together. */
  readonly maxLength: number;
}

export function createRequestTable(requests: LoadRequests): RequestTable {
  const { first, later } = encodeHeaderBlocks(selectMethodPath(requests.kind));
  const headers = encodeFrame(FrameType.HEADERS, FrameFlag.END_HEADERS, later);
  const parts: Buffer[] = [];
  const offsets = [0];
  let end = 0;
  let maxLength = 0;
  for (const message of encodeRequestMessages(requests)) {
    const grpcPrefix = Buffer.alloc(5);
    grpcPrefix.writeUInt32BE(message.length, 1);
    const data = encodeFrame(FrameType.DATA, FrameFlag.END_STREAM, Buffer.concat([grpcPrefix, message]));
    parts.push(headers, data);
    end += headers.length + data.length;
    offsets.push(end);
    maxLength = Math.max(maxLength, headers.length + data.length);
  }
  const firstHeaders = encodeFrame(FrameType.HEADERS, FrameFlag.END_HEADERS, first);
  return { firstHeaders, frames: Buffer.concat(parts), offsets, headersLength: headers.length, maxLength };
}

/** Encodes the first request of the table as the first call of a connection, on stream 1. */
export function encodeFirstCall({ firstHeaders, frames, offsets, headersLength }: RequestTable): Buffer {
  const data = Buffer.from(frames.subarray(headersLength, offsets[1]));
  const headers = Buffer.from(firstHeaders);
  for (const frame of [headers, data]) frame.writeUInt32BE(1, 5);
  return Buffer.concat([headers, data]);
}

/**
 * Encodes the header block of a connection's first call, and that of all later ones (RFC 7541). Like gRPC clients, the
 * first block sends the four fields that HPACK's static table lacks. The later one refers to them by index.
 */
function encodeHeaderBlocks(path: string): { readonly first: Buffer; readonly later: Buffer } {
  const methodAndScheme = Buffer.from([0x83, 0x86]); // :method POST, :scheme http
  const fields = [
    encodeIndexedField(4, path), // :path
    encodeIndexedField(1, 'bench'), // :authority
    encodeIndexedField(31, 'application/grpc'), // content-type
    encodeIndexedField('te', 'trailers'),
  ];
  // Index 62 is the newest entry of the dynamic table.
  const references = fields.map((_, index) => 0x80 | (65 - index));
  return {
    first: Buffer.concat([methodAndScheme, ...fields]),
    later: Buffer.concat([methodAndScheme, Buffer.from(references)]),
  };
}

/**
 * Encodes a field that enters HPACK's dynamic table. `name` is an index of the static table or a text. Texts must be
 * shorter than 127 bytes.
 */
function encodeIndexedField(name: number | string, value: string): Buffer {
  const encodeText = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  const encodedName =
    typeof name === 'number' ? Buffer.from([0x40 | name]) : Buffer.concat([Buffer.from([0x40]), encodeText(name)]);
  return Buffer.concat([encodedName, encodeText(value)]);
}
