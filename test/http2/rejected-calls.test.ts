import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Flag, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { encodeHeaders } from '../../src/transport/http2/hpack/header-encoder.ts';
import { GrpcStatus } from '../../src/transport/unary-call.ts';
import {
  callFrames,
  dataFrame,
  encodeUint32,
  frame,
  grpcMessage,
  headersFrame,
  requestHeaders,
} from './frame-builders.ts';
import { echo, keepCalls, statusHeaders, useGrpcServer } from './use-grpc-server.ts';

const serve = useGrpcServer();

describe('the server, for an invalid call', () => {
  it.each([
    [
      'a method other than POST',
      '405',
      [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
      ],
    ],
    [
      'no content-type',
      '415',
      [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
      ],
    ],
    [
      'a content-type that is not gRPC',
      '415',
      [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
        ['content-type', 'application/grpcx'],
      ],
    ],
  ] as const)('rejects %s with HTTP status %s', async (_fault, status, fields) => {
    const { connect } = await serve(echo);
    const peer = await connect();
    peer.send(headersFrame(1, encodeHeaders(fields), Flag.END_STREAM));
    expect((await peer.waitForResponse(1)).headers[':status']).toBe(status);
  });

  it('rejects headers above the limit with HTTP status 431', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const block = requestHeaders([['x-large', 'a'.repeat(17_000)]]);
    peer.send(
      frame(FrameType.HEADERS, Flag.END_STREAM, 1, block.subarray(0, 16_000)),
      frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1, block.subarray(16_000)),
    );
    expect((await peer.waitForResponse(1)).headers[':status']).toBe('431');
  });

  const bomb = gzipSync(Buffer.alloc(1024 * 1024 + 1));
  const prefixAboveLimit = Buffer.concat([Buffer.from([0]), encodeUint32(1024 * 1024 + 1)]);
  const oneByte = Buffer.from('x');
  it.each([
    [
      'an encoding other than gzip',
      'UNIMPLEMENTED',
      [['grpc-encoding', 'snappy']],
      grpcMessage(oneByte, true),
      'grpc-encoding: must be identity or gzip (got "snappy")',
    ],
    [
      'an invalid grpc-timeout',
      'INVALID_ARGUMENT',
      [['grpc-timeout', '10']],
      grpcMessage(oneByte),
      'grpc-timeout: must be 1 to 8 digits and one of H, M, S, m, u, n (got "10")',
    ],
    [
      'a compressed message without grpc-encoding',
      'INTERNAL',
      [],
      grpcMessage(oneByte, true),
      'grpc-encoding: must be set for a compressed message',
    ],
    [
      'a compressed message that is not gzip',
      'INTERNAL',
      [['grpc-encoding', 'gzip']],
      grpcMessage(oneByte, true),
      'request message: must be valid gzip',
    ],
    [
      'a gzip bomb',
      'RESOURCE_EXHAUSTED',
      [['grpc-encoding', 'gzip']],
      grpcMessage(bomb, true),
      'request message: must be at most 1048576 bytes',
    ],
    [
      'a message above the limit',
      'RESOURCE_EXHAUSTED',
      [],
      prefixAboveLimit,
      'request message: must be at most 1048576 bytes',
    ],
    [
      'two messages',
      'UNIMPLEMENTED',
      [],
      Buffer.concat([grpcMessage(Buffer.from('a')), grpcMessage(Buffer.from('b'))]),
      'expected exactly one request message',
    ],
    ['no message', 'UNIMPLEMENTED', [], Buffer.alloc(0), 'expected exactly one request message'],
    [
      'half a message',
      'INTERNAL',
      [],
      grpcMessage(Buffer.from('cut')).subarray(0, 6),
      'request message: must not be cut short',
    ],
  ] as const)('rejects %s with %s, without calling the handler', async (_fault, status, extra, body, message) => {
    const { calls, handler } = keepCalls();
    const { connect } = await serve(handler);
    const peer = await connect();
    peer.send(headersFrame(1, requestHeaders(extra)), dataFrame(1, body));
    expect((await peer.waitForResponse(1)).headers).toMatchObject({
      ...statusHeaders(GrpcStatus[status]),
      'grpc-message': message,
    });
    expect(calls).toEqual([]);
  });

  it('rejects only the call that exceeds the memory budget of its connection for incomplete messages', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const message = grpcMessage(Buffer.alloc(900_000, 7));
    const pieces: Buffer[] = [];
    for (let offset = 0; offset < message.length; offset += 16_384)
      pieces.push(message.subarray(offset, offset + 16_384));
    const lastPiece = pieces.pop() ?? Buffer.alloc(0);
    peer.send(frame(FrameType.WINDOW_UPDATE, 0, 0, encodeUint32(2 ** 30)));
    const streamIds = Array.from({ length: 9 }, (_, index) => 2 * index + 1);
    for (const id of streamIds) peer.send(headersFrame(id), ...pieces.map((piece) => dataFrame(id, piece, 0)));
    expect((await peer.waitForResponse(17)).headers['grpc-status']).toBe(String(GrpcStatus.RESOURCE_EXHAUSTED));
    for (const id of streamIds.slice(0, -1)) {
      peer.send(frame(FrameType.WINDOW_UPDATE, 0, id, encodeUint32(2 ** 30)), dataFrame(id, lastPiece));
      expect((await peer.waitForResponse(id)).headers['grpc-status']).toBe('0');
    }
    peer.send(headersFrame(19), frame(FrameType.WINDOW_UPDATE, 0, 19, encodeUint32(2 ** 30)));
    peer.send(...pieces.map((piece) => dataFrame(19, piece, 0)), dataFrame(19, lastPiece));
    expect((await peer.waitForResponse(19)).headers['grpc-status']).toBe('0');
  });

  it('names the encodings that it accepts when it rejects another one', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    peer.send(callFrames(1, undefined, requestHeaders([['grpc-encoding', 'br']])));
    expect((await peer.waitForResponse(1)).headers['grpc-accept-encoding']).toBe('identity,gzip');
  });
});
