import { CONNECTION_PREFACE, Flag, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { encodeHeaders } from '../../src/transport/http2/hpack/header-encoder.ts';

export const METHOD = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** The connection preface with an empty SETTINGS frame. */
export const preface = Buffer.concat([Buffer.from(CONNECTION_PREFACE), frame(FrameType.SETTINGS, 0, 0)]);

export function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A message with the prefix that gRPC puts in front of it. */
export function grpcMessage(message: Uint8Array, isCompressed = false): Buffer {
  return Buffer.concat([Buffer.from([isCompressed ? 1 : 0]), encodeUint32(message.length), message]);
}

/** The header block of a call, with extra header fields. */
export function requestHeaders(extra: readonly (readonly [string, string])[] = [], path = METHOD): Buffer {
  return encodeHeaders([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'weir'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...extra,
  ]);
}

const plainHeaders = requestHeaders();

export function headersFrame(streamId: number, block: Uint8Array = plainHeaders, flags = 0): Buffer {
  return frame(FrameType.HEADERS, Flag.END_HEADERS | flags, streamId, block);
}

export function dataFrame(streamId: number, data: Uint8Array, flags: number = Flag.END_STREAM): Buffer {
  return frame(FrameType.DATA, flags, streamId, data);
}

/** All frames of one call: HEADERS and DATA. */
export function callFrames(
  streamId: number,
  message: Uint8Array = Buffer.from('hello'),
  block: Uint8Array = plainHeaders,
): Buffer {
  return Buffer.concat([headersFrame(streamId, block), dataFrame(streamId, grpcMessage(message))]);
}

export function resetFrame(streamId: number, code = 8): Buffer {
  return frame(FrameType.RST_STREAM, 0, streamId, encodeUint32(code));
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Splits received bytes into their complete frames and the incomplete rest. */
export function splitFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = [];
  let offset = 0;
  while (bytes.length - offset >= 9) {
    const end = offset + 9 + bytes.readUIntBE(offset, 3);
    if (end > bytes.length) break;
    frames.push({
      type: bytes.readUInt8(offset + 3),
      flags: bytes.readUInt8(offset + 4),
      streamId: bytes.readUInt32BE(offset + 5),
      payload: bytes.subarray(offset + 9, end),
    });
    offset = end;
  }
  return { frames, rest: bytes.subarray(offset) };
}
