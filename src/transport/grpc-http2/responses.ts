import { encodeHeaders } from '../http2/hpack/header-encoder.ts';
import { GrpcStatus } from '../unary-call.ts';

type Fields = readonly (readonly [name: string, value: string])[];

const CONTENT_TYPE = ['content-type', 'application/grpc'] as const;
/** Keeps a header block well below the size of a frame. Messages about mistakes of callers are shorter. */
const MAX_STATUS_MESSAGE_LENGTH = 1024;
const MAX_CACHED_FAILURES = 64;

/** The header block before the message of a successful call. */
const REPLY_HEADERS = encodeHeaders([[':status', '200'], CONTENT_TYPE]);
/**
 * REPLY_HEADERS of a server that goes away. An Envoy whose cluster has health checks then takes the server for unhealthy
 * at once, without waiting for the next health check
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter).
 */
const LAST_REPLY_HEADERS = encodeHeaders([
  [':status', '200'],
  CONTENT_TYPE,
  ['x-envoy-immediate-health-check-fail', 'true'],
]);
/** The trailers after the message of a successful call. */
export const REPLY_TRAILERS = encodeHeaders([['grpc-status', String(GrpcStatus.OK)]]);

/** The part of all replies of a server that changes while it runs. */
export class ReplyFormat {
  /** The header block before the message of a successful call. */
  headers: Uint8Array = REPLY_HEADERS;

  /** From now on, replies say that the server goes away. */
  announceStop(): void {
    this.headers = LAST_REPLY_HEADERS;
  }
}

/** Encodes a response with an HTTP status, for a client that does not speak gRPC. */
export function encodeHttpRejection(status: string, fields: Fields): Uint8Array {
  return encodeHeaders([[':status', status], ...fields]);
}

/** Encodes a response that consists of a gRPC status only ("Trailers-Only"). */
export function encodeFailure(status: GrpcStatus, message: string, fields: Fields = []): Uint8Array {
  return encodeHeaders([
    [':status', '200'],
    CONTENT_TYPE,
    ['grpc-status', String(status)],
    ['grpc-message', percentEncode(message.slice(0, MAX_STATUS_MESSAGE_LENGTH))],
    ...fields,
  ]);
}

/** Encodes a failure with an encoded google.rpc.Status, in base64 as gRPC sends binary headers. */
export function encodeDetailedFailure(status: GrpcStatus, message: string, details: Uint8Array): Uint8Array {
  const encoded = Buffer.from(details.buffer, details.byteOffset, details.length).toString('base64');
  return encodeFailure(status, message, [['grpc-status-details-bin', encoded.replace(/=+$/, '')]]);
}

const failureCache = new Map<string, Uint8Array>();

/** Does what encodeFailure does, from a cache: under overload, the same few failures are sent again and again. */
export function encodeFailureCached(status: GrpcStatus, message: string): Uint8Array {
  const key = `${status} ${message}`;
  const cached = failureCache.get(key);
  if (cached !== undefined) return cached;
  const block = encodeFailure(status, message);
  if (failureCache.size >= MAX_CACHED_FAILURES) failureCache.clear();
  failureCache.set(key, block);
  return block;
}

/**
 * Encodes a status message as gRPC requires it in grpc-message: as UTF-8, with percent-encoding for every byte that is
 * not printable ASCII, and for `%`.
 */
export function percentEncode(message: string): string {
  let encoded = '';
  for (const byte of Buffer.from(message)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
