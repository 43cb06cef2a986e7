import { encodeHeaders } from '../http2/hpack/header-encoder.ts';
import { GrpcStatus } from '../unary-call.ts';

type Fields = readonly (readonly [name: string, value: string])[];

const CONTENT_TYPE = ['content-type', 'application/grpc'] as const;
/** A block stays well below the size of a frame; callers' mistakes are told in less. */
const LONGEST_MESSAGE = 1024;
const MOST_KNOWN = 64;

export const REPLY_HEADERS = encodeHeaders([[':status', '200'], CONTENT_TYPE]);
export const REPLY_TRAILERS = encodeHeaders([['grpc-status', String(GrpcStatus.OK)]]);

/** A refusal by those who do not speak gRPC. */
export function encodeHttpRefusal(status: string, fields: Fields): Uint8Array {
  return encodeHeaders([[':status', status], ...fields]);
}

/** A response that is nothing but a status. */
export function encodeFailure(status: GrpcStatus, message: string, fields: Fields = []): Uint8Array {
  return encodeHeaders([
    [':status', '200'],
    CONTENT_TYPE,
    ['grpc-status', String(status)],
    ['grpc-message', percentEncode(message.slice(0, LONGEST_MESSAGE))],
    ...fields,
  ]);
}

const knownFailures = new Map<string, Uint8Array>();

/** As encodeFailure; under overload the same few failures are sent over and over, so these are kept. */
export function failureBlock(status: GrpcStatus, message: string): Uint8Array {
  const key = `${status} ${message}`;
  const known = knownFailures.get(key);
  if (known !== undefined) return known;
  const block = encodeFailure(status, message);
  if (knownFailures.size >= MOST_KNOWN) knownFailures.clear();
  knownFailures.set(key, block);
  return block;
}

/** As gRPC wants it in grpc-message: UTF-8, of which only printable ASCII without % stands for itself. */
export function percentEncode(message: string): string {
  let encoded = '';
  for (const byte of Buffer.from(message)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
