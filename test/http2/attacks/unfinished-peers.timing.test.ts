import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Http2GrpcServer, startHttp2GrpcServer } from '../../../src/transport/grpc-http2/http2-grpc-server.ts';
import { CONNECTION_PREFACE, FrameType } from '../../../src/transport/http2/frames/protocol-constants.ts';
import { callFrames, dataFrame, frame, grpcMessage, headersFrame, preface, requestHeaders } from '../frame-builders.ts';
import { RawPeer } from '../raw-peer.ts';

/** The time that the server gives a peer at least. */
const TIMEOUT_MS = 10_000;
/** The time after which the server must have acted, however busy the machine is. */
const MAX_LIFETIME_MS = 30_000;
/** The error code of HTTP/2. */
const CANCEL = 8;

let server: Http2GrpcServer;
const sockets: Socket[] = [];

beforeAll(async () => {
  server = await startHttp2GrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    maxConnections: 100,
    handler: (calls) => {
      for (const call of calls) call.reply(call.message);
    },
  });
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await server.stop({ graceMs: 0 });
});

async function connectPeer(): Promise<RawPeer> {
  const peer = await RawPeer.connect(server.address.port);
  sockets.push(peer.socket);
  return peer;
}

/** Measures the ms until the server ends a connection that sends `first`, then `drip` every second. */
async function measureLifetimeMs(first: Uint8Array, drip: Uint8Array): Promise<number> {
  const socket = connect({ port: server.address.port, host: '127.0.0.1' });
  sockets.push(socket);
  const start = performance.now();
  socket.on('error', () => {}).resume();
  socket.write(first);
  const dripTimer = setInterval(() => socket.write(drip), 1000);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(dripTimer);
  return performance.now() - start;
}

const nothing = Buffer.alloc(0);
const openHeaderBlock = frame(FrameType.HEADERS, 0, 1, requestHeaders());
const halfFrame = headersFrame(1).subarray(0, 20);

describe.concurrent('a connection whose peer stalls', { timeout: 60_000 }, () => {
  it.for([
    ['it sends nothing', nothing, nothing],
    ['its preface stays incomplete', Buffer.from('PRI * '), nothing],
    ['it never sends SETTINGS', Buffer.from(CONNECTION_PREFACE), nothing],
    ['its header block does not end', Buffer.concat([preface, openHeaderBlock]), nothing],
    [
      'its header block continues forever',
      Buffer.concat([preface, openHeaderBlock]),
      frame(FrameType.CONTINUATION, 0, 1, Buffer.from([0x82])),
    ],
    ['its frame stays incomplete', Buffer.concat([preface, halfFrame]), nothing],
    ['its frame arrives one byte a second', Buffer.concat([preface, callFrames(1), halfFrame]), Buffer.from([0x82])],
  ] as const)('ends after the timeout when %s', async ([, first, drip], { expect }) => {
    const lifetimeMs = await measureLifetimeMs(first, drip);
    expect(lifetimeMs).toBeGreaterThan(TIMEOUT_MS - 100);
    expect(lifetimeMs).toBeLessThan(MAX_LIFETIME_MS);
  });
});

describe.concurrent('a stream whose peer stalls', { timeout: 60_000 }, () => {
  const message = grpcMessage(Buffer.alloc(1000));
  const noWindow = frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]));
  it.for([
    ['its request body never comes', headersFrame(1), nothing],
    [
      'its message stays incomplete',
      Buffer.concat([headersFrame(1), dataFrame(1, message.subarray(0, 500), 0)]),
      nothing,
    ],
    [
      'its message arrives one byte a second',
      Buffer.concat([headersFrame(1), dataFrame(1, message.subarray(0, 500), 0)]),
      dataFrame(1, Buffer.alloc(1), 0),
    ],
    ['the peer opens no window for its response', Buffer.concat([noWindow, callFrames(1)]), nothing],
  ] as const)(
    'is reset after the timeout when %s, and its connection keeps serving',
    async ([, first, drip], { expect }) => {
      const peer = await connectPeer();
      const start = performance.now();
      peer.send(first);
      const dripTimer = setInterval(() => peer.send(drip), 1000);
      const { reset } = await peer.waitForResponse(1);
      clearInterval(dripTimer);
      expect(reset).toBe(CANCEL);
      expect(performance.now() - start).toBeGreaterThan(TIMEOUT_MS - 100);
      expect(performance.now() - start).toBeLessThan(MAX_LIFETIME_MS);
      peer.send(frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0])), callFrames(3));
      expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
      expect(peer.goAways).toEqual([]);
    },
  );
});

it.concurrent('a server with stalled peers keeps serving busy and idle connections', {
  timeout: 60_000,
}, async () => {
  const [idle, busy] = [await connectPeer(), await connectPeer()];
  await idle.roundTrip();
  const end = performance.now() + 1.5 * TIMEOUT_MS;
  let id = 1;
  for (; performance.now() < end; id += 2) {
    busy.send(callFrames(id));
    expect((await busy.waitForResponse(id)).headers['grpc-status']).toBe('0');
    await sleep(50);
  }
  idle.send(callFrames(1));
  expect((await idle.waitForResponse(1)).headers['grpc-status']).toBe('0');
});
