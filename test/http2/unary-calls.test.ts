import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Flag, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
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

describe('the server, for a unary call', () => {
  it('responds with headers, one message and a status', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    peer.send(callFrames(1));
    const { headers, body } = await peer.waitForResponse(1);
    expect(headers).toEqual(statusHeaders(GrpcStatus.OK));
    expect(body).toEqual(grpcMessage(Buffer.from('hello')));
  });

  it('passes path, x-request-id, message and deadline to the handler', async () => {
    const { calls, handler } = keepCalls();
    const { connect } = await serve(handler);
    const peer = await connect();
    const before = performance.now();
    const extra = [
      ['x-request-id', 'r-1'],
      ['grpc-timeout', '5S'],
    ] as const;
    peer.send(callFrames(1, Buffer.from('abc'), requestHeaders(extra, '/a.B/C')));
    await peer.roundTrip();
    expect(calls).toMatchObject([{ path: '/a.B/C', requestId: 'r-1', cancelled: false }]);
    expect(Buffer.from(calls[0]?.message ?? [])).toEqual(Buffer.from('abc'));
    expect(calls[0]?.deadline).toBeGreaterThan(before + 4000);
    expect(calls[0]?.deadline).toBeLessThanOrEqual(performance.now() + 5000);
  });

  it('assembles the message from DATA frames of one byte each', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const message = grpcMessage(Buffer.from('in pieces'));
    peer.send(headersFrame(1));
    for (const byte of message) peer.send(dataFrame(1, Buffer.from([byte]), 0));
    peer.send(dataFrame(1, Buffer.alloc(0)));
    expect((await peer.waitForResponse(1)).body).toEqual(message);
  });

  it('assembles frames that arrive byte by byte', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    await peer.roundTrip();
    for (const byte of callFrames(1)) {
      peer.send(Buffer.from([byte]));
      await sleep(0);
    }
    expect((await peer.waitForResponse(1)).body).toEqual(grpcMessage(Buffer.from('hello')));
  });

  it('accepts and sends a message of the maximum size, within the flow-control windows of both sides', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const message = grpcMessage(Buffer.alloc(1024 * 1024, 7));
    peer.send(
      frame(FrameType.WINDOW_UPDATE, 0, 0, encodeUint32(2 ** 30)),
      headersFrame(1),
      frame(FrameType.WINDOW_UPDATE, 0, 1, encodeUint32(2 ** 30)),
    );
    const returnedStreamWindow = () =>
      peer.frames.filter(({ type, streamId }) => type === FrameType.WINDOW_UPDATE && streamId === 1).length *
      128 *
      1024;
    for (let offset = 0; offset < message.length; offset += 16_384) {
      await peer.waitUntil(() => offset < 200_000 + returnedStreamWindow());
      const end = offset + 16_384;
      peer.send(dataFrame(1, message.subarray(offset, end), end >= message.length ? Flag.END_STREAM : 0));
    }
    expect((await peer.waitForResponse(1)).body.equals(message)).toBe(true);
  });

  it("sends a response as far as the peer's window allows, and continues as it opens", async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const initialWindowOf3 = Buffer.from([0, 4, 0, 0, 0, 3]);
    peer.send(frame(FrameType.SETTINGS, 0, 0, initialWindowOf3), callFrames(1));
    await peer.roundTrip();
    const receivedData = () =>
      Buffer.concat(peer.frames.filter(({ type }) => type === FrameType.DATA).map(({ payload }) => payload));
    await peer.waitUntil(() => receivedData().length > 0);
    expect(receivedData()).toEqual(grpcMessage(Buffer.from('hello')).subarray(0, 3));
    peer.send(frame(FrameType.WINDOW_UPDATE, 0, 1, encodeUint32(4)));
    await peer.waitUntil(() => receivedData().length === 7);
    const initialWindowOf256 = Buffer.from([0, 4, 0, 0, 1, 0]);
    peer.send(frame(FrameType.SETTINGS, 0, 0, initialWindowOf256));
    expect((await peer.waitForResponse(1)).body).toEqual(grpcMessage(Buffer.from('hello')));
  });

  it('delivers whole responses to a peer that reads late, and to its next call', { timeout: 60_000 }, async () => {
    const large = (fill: number) => Buffer.alloc(256 * 1024, fill);
    let responses = 0;
    const { connect } = await serve((calls) => {
      for (const call of calls) call.reply(large(++responses));
    });
    const peer = await connect();
    const maxIncrement = encodeUint32(2 ** 31 - 1 - 65_535);
    const initialWindowOf1MB = Buffer.concat([Buffer.from([0, 4]), encodeUint32(2 ** 20)]);
    peer.send(frame(FrameType.SETTINGS, 0, 0, initialWindowOf1MB), frame(FrameType.WINDOW_UPDATE, 0, 0, maxIncrement));
    await peer.roundTrip();
    peer.socket.pause();
    // More responses than the kernel buffers for both sides.
    const streamIds = Array.from({ length: 90 }, (_, index) => 2 * index + 1);
    peer.send(...streamIds.map((streamId) => callFrames(streamId)));
    await sleep(300);
    peer.socket.resume();
    for (const [index, streamId] of streamIds.entries()) {
      expect((await peer.waitForResponse(streamId)).body.equals(grpcMessage(large(index + 1)))).toBe(true);
    }
    peer.send(callFrames(181));
    expect((await peer.waitForResponse(181)).body.equals(grpcMessage(large(91)))).toBe(true);
  });

  it('inflates a message that is gzip', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const block = requestHeaders([['grpc-encoding', 'gzip']]);
    peer.send(headersFrame(1, block), dataFrame(1, grpcMessage(gzipSync('zipped'), true)));
    expect((await peer.waitForResponse(1)).body).toEqual(grpcMessage(Buffer.from('zipped')));
  });

  it('responds before the client ends its stream, as one that streams to an unknown method never does', async () => {
    const { connect } = await serve((calls) => {
      for (const call of calls) call.fail(GrpcStatus.UNIMPLEMENTED, 'no such method');
    });
    const peer = await connect();
    peer.send(headersFrame(1), dataFrame(1, grpcMessage(Buffer.from('x')), 0));
    expect((await peer.waitForResponse(1)).headers['grpc-status']).toBe(String(GrpcStatus.UNIMPLEMENTED));
    await peer.waitUntil(() =>
      peer.frames.some(({ type, payload }) => type === FrameType.RST_STREAM && payload.readUInt32BE() === 0),
    );
    peer.send(dataFrame(1, grpcMessage(Buffer.from('late'))));
    await peer.roundTrip();
    expect(peer.goAways).toEqual([]);
  });

  it('percent-encodes the message of a failure', async () => {
    const { connect } = await serve((calls) => {
      for (const call of calls) call.fail(GrpcStatus.INVALID_ARGUMENT, '100% größer\n');
    });
    const peer = await connect();
    peer.send(callFrames(1));
    expect((await peer.waitForResponse(1)).headers).toEqual({
      ...statusHeaders(GrpcStatus.INVALID_ARGUMENT),
      'grpc-message': '100%25 gr%C3%B6%C3%9Fer%0A',
    });
  });

  it('responds once, even if the handler ends the call several times', async () => {
    const { connect } = await serve((calls) => {
      for (const call of calls) {
        call.reply(Buffer.from('1'));
        call.reply(Buffer.from('2'));
        call.fail(GrpcStatus.INTERNAL, 'no');
      }
    });
    const peer = await connect();
    peer.send(callFrames(1));
    expect((await peer.waitForResponse(1)).body).toEqual(grpcMessage(Buffer.from('1')));
    await peer.roundTrip();
    expect(peer.frames.filter(({ streamId }) => streamId === 1)).toHaveLength(3);
  });

  it('responds with INTERNAL when the handler throws, and serves the next call', async () => {
    let handlerThrows = true;
    const { connect } = await serve((calls) => {
      if (handlerThrows) throw new Error('secret');
      echo(calls);
    });
    const peer = await connect();
    peer.send(callFrames(1));
    expect((await peer.waitForResponse(1)).headers).toEqual({
      ...statusHeaders(GrpcStatus.INTERNAL),
      'grpc-message': 'internal error',
    });
    handlerThrows = false;
    peer.send(callFrames(3));
    expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
  });
});
