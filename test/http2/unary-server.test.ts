import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type Http2GrpcServer, startHttp2GrpcServer } from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import { Flag, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { encodeHeaders } from '../../src/transport/http2/hpack/header-encoder.ts';
import { type BatchHandler, GrpcStatus, type UnaryCall } from '../../src/transport/unary-call.ts';
import {
  callFrames,
  dataFrame,
  encodeUint32,
  frame,
  grpcMessage,
  headersFrame,
  requestHeaders,
  resetFrame,
} from './frame-builders.ts';
import { RawPeer } from './raw-peer.ts';

const servers: Http2GrpcServer[] = [];
const peers: RawPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.destroy();
  for (const server of servers.splice(0)) await server.stop({ graceMs: 0 });
});

async function serve(
  handler: BatchHandler,
  maxConnections = 100,
): Promise<{ server: Http2GrpcServer; connect: () => Promise<RawPeer> }> {
  const server = await startHttp2GrpcServer({ address: { host: '127.0.0.1', port: 0 }, maxConnections, handler });
  servers.push(server);
  const connect = async () => {
    const peer = await RawPeer.connect(server.address.port);
    peers.push(peer);
    return peer;
  };
  return { server, connect };
}

const echo: BatchHandler = (calls) => {
  for (const each of calls) each.reply(each.message);
};

/** A handler that only keeps the calls, so that a test answers when it wants. */
function keeping(): { calls: UnaryCall[]; batches: number[]; handler: BatchHandler } {
  const calls: UnaryCall[] = [];
  const batches: number[] = [];
  const handler: BatchHandler = (batch) => {
    batches.push(batch.length);
    calls.push(...batch);
  };
  return { calls, batches, handler };
}

const failed = (status: number) => ({
  ':status': '200',
  'content-type': 'application/grpc',
  'grpc-status': String(status),
});

describe('a unary call', () => {
  it('is answered with headers, one message and a status', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    peer.send(callFrames(1));
    const { headers, body } = await peer.waitForResponse(1);
    expect(headers).toEqual(failed(GrpcStatus.OK));
    expect(body).toEqual(grpcMessage(Buffer.from('hello')));
  });

  it('reaches the handler with its path, x-request-id, message and deadline', async () => {
    const { calls, handler } = keeping();
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

  it('is put together from single bytes of DATA', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const message = grpcMessage(Buffer.from('in pieces'));
    peer.send(headersFrame(1));
    for (const byte of message) peer.send(dataFrame(1, Buffer.from([byte]), 0));
    peer.send(dataFrame(1, Buffer.alloc(0)));
    expect((await peer.waitForResponse(1)).body).toEqual(message);
  });

  it('is put together from frames that arrive byte by byte', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    await peer.roundTrip();
    for (const byte of callFrames(1)) {
      peer.send(Buffer.from([byte]));
      await sleep(0);
    }
    expect((await peer.waitForResponse(1)).body).toEqual(grpcMessage(Buffer.from('hello')));
  });

  it('may be as large as the limit, and its answer too, within the windows of both sides', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const message = grpcMessage(Buffer.alloc(1024 * 1024, 7));
    peer.send(
      frame(FrameType.WINDOW_UPDATE, 0, 0, encodeUint32(2 ** 30)),
      headersFrame(1),
      frame(FrameType.WINDOW_UPDATE, 0, 1, encodeUint32(2 ** 30)),
    );
    const windowOfStream = () =>
      peer.frames.filter((each) => each.type === FrameType.WINDOW_UPDATE && each.streamId === 1).length * 128 * 1024;
    for (let at = 0; at < message.length; at += 16_384) {
      await peer.waitUntil(() => at < 200_000 + windowOfStream());
      peer.send(dataFrame(1, message.subarray(at, at + 16_384), at + 16_384 >= message.length ? Flag.END_STREAM : 0));
    }
    expect((await peer.waitForResponse(1)).body.equals(message)).toBe(true);
  });

  it('waits with its answer for the window of the peer, and goes on as it opens', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const setting = Buffer.from([0, 4, 0, 0, 0, 3]);
    peer.send(frame(FrameType.SETTINGS, 0, 0, setting), callFrames(1));
    await peer.roundTrip();
    const data = () =>
      Buffer.concat(peer.frames.filter((each) => each.type === FrameType.DATA).map((each) => each.payload));
    await peer.waitUntil(() => data().length > 0);
    expect(data()).toEqual(grpcMessage(Buffer.from('hello')).subarray(0, 3));
    peer.send(frame(FrameType.WINDOW_UPDATE, 0, 1, encodeUint32(4)));
    await peer.waitUntil(() => data().length === 7);
    peer.send(frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 1, 0])));
    expect((await peer.waitForResponse(1)).body).toEqual(grpcMessage(Buffer.from('hello')));
  });

  it('is answered in whole to a peer that reads late, as are the next ones', { timeout: 60_000 }, async () => {
    const large = (fill: number) => Buffer.alloc(256 * 1024, fill);
    let answered = 0;
    const { connect } = await serve((calls) => {
      for (const each of calls) each.reply(large(++answered));
    });
    const peer = await connect();
    const widest = encodeUint32(2 ** 31 - 1 - 65_535);
    const ofStreams = Buffer.concat([Buffer.from([0, 4]), encodeUint32(2 ** 20)]);
    peer.send(frame(FrameType.SETTINGS, 0, 0, ofStreams), frame(FrameType.WINDOW_UPDATE, 0, 0, widest));
    await peer.roundTrip();
    peer.socket.pause();
    const streams = Array.from({ length: 90 }, (_, place) => 2 * place + 1);
    // More than the kernel keeps for both of them.
    peer.send(...streams.map((stream) => callFrames(stream)));
    await sleep(300);
    peer.socket.resume();
    for (const [place, stream] of streams.entries()) {
      expect((await peer.waitForResponse(stream)).body.equals(grpcMessage(large(place + 1)))).toBe(true);
    }
    peer.send(callFrames(181));
    expect((await peer.waitForResponse(181)).body.equals(grpcMessage(large(91)))).toBe(true);
  });

  it('is decompressed when it comes as gzip', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const block = requestHeaders([['grpc-encoding', 'gzip']]);
    peer.send(headersFrame(1, block), dataFrame(1, grpcMessage(gzipSync('zipped'), true)));
    expect((await peer.waitForResponse(1)).body).toEqual(grpcMessage(Buffer.from('zipped')));
  });

  it('is answered before the peer ends its stream, as one that streams to an unknown method never would', async () => {
    const { connect } = await serve((calls) => {
      for (const each of calls) each.fail(GrpcStatus.UNIMPLEMENTED, 'no such method');
    });
    const peer = await connect();
    peer.send(headersFrame(1), dataFrame(1, grpcMessage(Buffer.from('x')), 0));
    expect((await peer.waitForResponse(1)).headers['grpc-status']).toBe(String(GrpcStatus.UNIMPLEMENTED));
    await peer.waitUntil(() =>
      peer.frames.some((each) => each.type === FrameType.RST_STREAM && each.payload.readUInt32BE() === 0),
    );
    peer.send(dataFrame(1, grpcMessage(Buffer.from('late'))));
    await peer.roundTrip();
    expect(peer.goAways).toEqual([]);
  });

  it('fails with a percent-encoded message', async () => {
    const { connect } = await serve((calls) => {
      for (const each of calls) each.fail(GrpcStatus.INVALID_ARGUMENT, '100% größer\n');
    });
    const peer = await connect();
    peer.send(callFrames(1));
    expect((await peer.waitForResponse(1)).headers).toEqual({
      ...failed(GrpcStatus.INVALID_ARGUMENT),
      'grpc-message': '100%25 gr%C3%B6%C3%9Fer%0A',
    });
  });

  it('is answered once, whatever the handler does after', async () => {
    const { connect } = await serve((calls) => {
      for (const each of calls) {
        each.reply(Buffer.from('1'));
        each.reply(Buffer.from('2'));
        each.fail(GrpcStatus.INTERNAL, 'no');
      }
    });
    const peer = await connect();
    peer.send(callFrames(1));
    expect((await peer.waitForResponse(1)).body).toEqual(grpcMessage(Buffer.from('1')));
    await peer.roundTrip();
    expect(peer.frames.filter((each) => each.streamId === 1)).toHaveLength(3);
  });

  it('fails with INTERNAL when the handler throws, and the next one is served', async () => {
    let fault = true;
    const { connect } = await serve((calls) => {
      if (fault) throw new Error('secret');
      echo(calls);
    });
    const peer = await connect();
    peer.send(callFrames(1));
    expect((await peer.waitForResponse(1)).headers).toEqual({
      ...failed(GrpcStatus.INTERNAL),
      'grpc-message': 'internal error',
    });
    fault = false;
    peer.send(callFrames(3));
    expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
  });
});

describe('a faulty call', () => {
  it.each([
    [
      'a method other than POST',
      [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
      ],
      '405',
    ],
    [
      'no content-type',
      [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
      ],
      '415',
    ],
    [
      'a content-type that is not gRPC',
      [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
        ['content-type', 'application/grpcx'],
      ],
      '415',
    ],
  ] as const)('with %s is refused by HTTP', async (_name, fields, status) => {
    const { connect } = await serve(echo);
    const peer = await connect();
    peer.send(headersFrame(1, encodeHeaders(fields), Flag.END_STREAM));
    expect((await peer.waitForResponse(1)).headers[':status']).toBe(status);
  });

  it('with headers above the limit gets 431', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const pieces = requestHeaders([['x-large', 'a'.repeat(17_000)]]);
    peer.send(
      frame(FrameType.HEADERS, Flag.END_STREAM, 1, pieces.subarray(0, 16_000)),
      frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1, pieces.subarray(16_000)),
    );
    expect((await peer.waitForResponse(1)).headers[':status']).toBe('431');
  });

  const bomb = gzipSync(Buffer.alloc(1024 * 1024 + 1));
  const announced = Buffer.concat([Buffer.from([0]), encodeUint32(1024 * 1024 + 1)]);
  it.each([
    ['another encoding', GrpcStatus.UNIMPLEMENTED, [['grpc-encoding', 'snappy']], grpcMessage(Buffer.from('x'), true)],
    [
      'a grpc-timeout that is none',
      GrpcStatus.INVALID_ARGUMENT,
      [['grpc-timeout', '10']],
      grpcMessage(Buffer.from('x')),
    ],
    ['a compressed message without an encoding', GrpcStatus.INTERNAL, [], grpcMessage(Buffer.from('x'), true)],
    [
      'a message that is not gzip',
      GrpcStatus.INTERNAL,
      [['grpc-encoding', 'gzip']],
      grpcMessage(Buffer.from('x'), true),
    ],
    ['a gzip bomb', GrpcStatus.RESOURCE_EXHAUSTED, [['grpc-encoding', 'gzip']], grpcMessage(bomb, true)],
    ['a message above the limit', GrpcStatus.RESOURCE_EXHAUSTED, [], announced],
    [
      'two messages',
      GrpcStatus.UNIMPLEMENTED,
      [],
      Buffer.concat([grpcMessage(Buffer.from('a')), grpcMessage(Buffer.from('b'))]),
    ],
    ['no message', GrpcStatus.UNIMPLEMENTED, [], Buffer.alloc(0)],
    ['half a message', GrpcStatus.INTERNAL, [], grpcMessage(Buffer.from('cut')).subarray(0, 6)],
  ] as const)('with %s fails with a status, and reaches no handler', async (_name, status, extra, body) => {
    const { calls, handler } = keeping();
    const { connect } = await serve(handler);
    const peer = await connect();
    peer.send(headersFrame(1, requestHeaders(extra)), dataFrame(1, body));
    expect((await peer.waitForResponse(1)).headers).toMatchObject(failed(status));
    expect(calls).toEqual([]);
  });

  it('of too many that stay incomplete on one connection fails, and the others go on', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    const message = grpcMessage(Buffer.alloc(900_000, 7));
    const pieces: Buffer[] = [];
    for (let at = 0; at < message.length; at += 16_384) pieces.push(message.subarray(at, at + 16_384));
    const last = pieces.pop() ?? Buffer.alloc(0);
    peer.send(frame(FrameType.WINDOW_UPDATE, 0, 0, encodeUint32(2 ** 30)));
    const ids = Array.from({ length: 9 }, (_, index) => 2 * index + 1);
    for (const id of ids) peer.send(headersFrame(id), ...pieces.map((piece) => dataFrame(id, piece, 0)));
    expect((await peer.waitForResponse(17)).headers['grpc-status']).toBe(String(GrpcStatus.RESOURCE_EXHAUSTED));
    for (const id of ids.slice(0, -1)) {
      peer.send(frame(FrameType.WINDOW_UPDATE, 0, id, encodeUint32(2 ** 30)), dataFrame(id, last));
      expect((await peer.waitForResponse(id)).headers['grpc-status']).toBe('0');
    }
    peer.send(headersFrame(19), frame(FrameType.WINDOW_UPDATE, 0, 19, encodeUint32(2 ** 30)));
    peer.send(...pieces.map((piece) => dataFrame(19, piece, 0)), dataFrame(19, last));
    expect((await peer.waitForResponse(19)).headers['grpc-status']).toBe('0');
  });

  it('names the encodings that are understood', async () => {
    const { connect } = await serve(echo);
    const peer = await connect();
    peer.send(callFrames(1, undefined, requestHeaders([['grpc-encoding', 'br']])));
    expect((await peer.waitForResponse(1)).headers['grpc-accept-encoding']).toBe('identity,gzip');
  });
});

describe('a batch', () => {
  it('holds the calls of all connections that arrived while the loop was busy, and is answered by one write each', async () => {
    const { batches, handler } = keeping();
    const { connect } = await serve((calls) => {
      handler(calls);
      echo(calls);
    });
    const [one, two] = [await connect(), await connect()];
    await Promise.all([one.roundTrip(), two.roundTrip()]);
    const reads = { one: 0, two: 0 };
    one.socket.on('data', () => {
      reads.one += 1;
    });
    two.socket.on('data', () => {
      reads.two += 1;
    });
    one.send(callFrames(1), callFrames(3), callFrames(5));
    two.send(callFrames(1), callFrames(3));
    await Promise.all([one.waitForResponse(5), two.waitForResponse(3)]);
    expect(batches).toEqual([5]);
    expect(reads).toEqual({ one: 1, two: 1 });
  });

  it('leaves out a call that was reset before it was made up', async () => {
    const { calls, handler } = keeping();
    const { connect } = await serve(handler);
    const peer = await connect();
    peer.send(callFrames(1), callFrames(3), resetFrame(1));
    await peer.roundTrip();
    expect(calls).toHaveLength(1);
  });

  it('leaves out a call whose deadline has passed, which gets DEADLINE_EXCEEDED', async () => {
    const { calls, handler } = keeping();
    const { connect } = await serve(handler);
    const peer = await connect();
    peer.send(callFrames(1, undefined, requestHeaders([['grpc-timeout', '1n']])));
    expect((await peer.waitForResponse(1)).headers['grpc-status']).toBe(String(GrpcStatus.DEADLINE_EXCEEDED));
    expect(calls).toEqual([]);
  });

  it('counts the time for which a turn kept the loop against calls that came meanwhile', async () => {
    const seen: string[] = [];
    const late = [
      callFrames(3, undefined, requestHeaders([['grpc-timeout', '50m']], '/late')),
      callFrames(5, undefined, requestHeaders([['grpc-timeout', '5S']], '/in-time')),
    ];
    const { connect } = await serve((calls) => {
      seen.push(...calls.map((each) => each.path));
      const end = performance.now() + 300;
      if (late.length > 0) {
        peer.send(...late.splice(0));
        while (performance.now() < end);
      }
      echo(calls);
    });
    const peer = await connect();
    await peer.roundTrip();
    peer.send(callFrames(1, undefined, requestHeaders([], '/first')));
    expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe(String(GrpcStatus.DEADLINE_EXCEEDED));
    expect((await peer.waitForResponse(5)).headers['grpc-status']).toBe('0');
    expect(seen).toEqual(['/first', '/in-time']);
  });
});

describe('a caller that goes away', () => {
  it.each([
    ['resets its call', (peer: RawPeer) => peer.send(resetFrame(1))],
    ['closes its connection', (peer: RawPeer) => peer.socket.destroy()],
  ])('and %s marks the call cancelled; answering it does nothing', async (_name, leave) => {
    const { calls, handler } = keeping();
    const { connect } = await serve(handler);
    const [peer, other] = [await connect(), await connect()];
    peer.send(callFrames(1));
    await peer.roundTrip();
    expect(calls[0]?.cancelled).toBe(false);
    leave(peer);
    await other.roundTrip();
    await sleep(20);
    expect(calls[0]?.cancelled).toBe(true);
    calls[0]?.reply(Buffer.from('nobody'));
    await other.roundTrip();
  });

  it('only with its sending side is gone all the same, and its connection is closed', async () => {
    const { calls, handler } = keeping();
    const { server, connect } = await serve(handler);
    const peer = await connect();
    peer.send(callFrames(1));
    await peer.roundTrip();
    peer.socket.end();
    await peer.waitUntilClosed();
    expect(calls[0]?.cancelled).toBe(true);
    await sleep(20);
    expect(server.countConnections()).toBe(0);
  });
});

describe('resets of calls that time out', () => {
  it('bring no GOAWAY, however many; reading pauses while too much is outstanding', { timeout: 60_000 }, async () => {
    const { calls, handler } = keeping();
    const { connect } = await serve(handler);
    const peer = await connect();
    let id = 1;
    let mostOutstanding = 0;
    for (let round = 0; round < 100; round++) {
      const frames: Buffer[] = [];
      for (let index = 0; index < 50; index++, id += 2) frames.push(callFrames(id));
      peer.send(...frames);
      await sleep(1);
      peer.send(...Array.from({ length: 50 }, (_, index) => resetFrame(id - 2 * (index + 1))));
      mostOutstanding = Math.max(mostOutstanding, calls.length);
      if (calls.length >= 2048) for (const each of calls.splice(0)) each.reply(Buffer.from('late'));
    }
    for (let rest = 0; rest < 20; rest++) {
      for (const each of calls.splice(0)) each.reply(Buffer.from('late'));
      await sleep(10);
    }
    await peer.roundTrip();
    expect(mostOutstanding).toBeGreaterThanOrEqual(2000);
    expect(mostOutstanding).toBeLessThan(2048 + 1000);
    expect(peer.goAways).toEqual([]);
    peer.send(callFrames(id));
    await peer.roundTrip();
    calls[0]?.reply(Buffer.from('served'));
    expect((await peer.waitForResponse(id)).headers['grpc-status']).toBe('0');
  });
});

describe('stopping', () => {
  it('asks peers twice to go, answers what they sent in between, then closes connections and listener', async () => {
    const { calls, handler } = keeping();
    const { server, connect } = await serve(handler);
    const peer = await connect();
    peer.send(callFrames(1));
    await peer.roundTrip();
    const stopped = server.stop({ graceMs: 10_000 });
    await peer.waitUntil(() => peer.goAways.length === 1);
    expect(peer.goAways).toEqual([{ lastStreamId: 2 ** 31 - 1, code: 0 }]);
    peer.send(callFrames(3));
    const ping = peer.frames.findLast((each) => each.type === FrameType.PING && (each.flags & Flag.ACK) === 0);
    peer.send(frame(FrameType.PING, Flag.ACK, 0, ping?.payload));
    await peer.waitUntil(() => peer.goAways.length === 2);
    expect(peer.goAways[1]).toEqual({ lastStreamId: 3, code: 0 });
    expect(peer.isClosed).toBe(false);
    for (const each of calls) each.reply(Buffer.from('done'));
    expect((await peer.waitForResponse(1)).headers['grpc-status']).toBe('0');
    expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
    await stopped;
    await expect(connect()).rejects.toThrow('ECONNREFUSED');
  });

  it('serves those who connect while others are still being answered', async () => {
    const { calls, handler } = keeping();
    const { server, connect } = await serve(handler);
    const early = await connect();
    early.send(callFrames(1));
    await early.roundTrip();
    const stopped = server.stop({ graceMs: 10_000 });
    const late = await connect();
    late.send(callFrames(1));
    await late.roundTrip();
    for (const each of calls) each.reply(Buffer.from('done'));
    expect((await late.waitForResponse(1)).headers['grpc-status']).toBe('0');
    await stopped;
  });

  it('cuts what is left after the grace', async () => {
    const { handler } = keeping();
    const { server, connect } = await serve(handler);
    const peer = await connect();
    peer.send(callFrames(1));
    await peer.roundTrip();
    await server.stop({ graceMs: 100 });
    await peer.waitUntilClosed();
    expect(server.countConnections()).toBe(0);
  });
});
