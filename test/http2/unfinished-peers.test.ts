import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Http2GrpcServer, startHttp2GrpcServer } from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import { CONNECTION_PREFACE, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { callFrames, dataFrame, frame, grpcMessage, headersFrame, preface, requestHeaders } from './frame-builders.ts';
import { RawPeer } from './raw-peer.ts';

/** ms that a peer is given at the least, and after which it must be gone, however busy the machine. */
const GIVEN = 10_000;
const GONE = 30_000;
const CANCEL = 8;

let server: Http2GrpcServer;
const sockets: Socket[] = [];

beforeAll(async () => {
  server = await startHttp2GrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    maxConnections: 100,
    handler: (calls) => {
      for (const each of calls) each.reply(each.message);
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

/** ms until the server ends a connection that sends this, and goes on with `drip` every second. */
async function lifeOf(first: Uint8Array, drip: Uint8Array): Promise<number> {
  const socket = connect({ port: server.address.port, host: '127.0.0.1' });
  sockets.push(socket);
  const start = performance.now();
  socket.on('error', () => {}).resume();
  socket.write(first);
  const dripping = setInterval(() => socket.write(drip), 1000);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(dripping);
  return performance.now() - start;
}

const nothing = Buffer.alloc(0);
const openBlock = frame(FrameType.HEADERS, 0, 1, requestHeaders());
const halfFrame = headersFrame(1).subarray(0, 20);

describe.concurrent('a connection is ended', { timeout: 60_000 }, () => {
  it.for([
    ['that sends nothing', nothing, nothing],
    ['that drips its preface', Buffer.from('PRI * '), nothing],
    ['that never sends SETTINGS', Buffer.from(CONNECTION_PREFACE), nothing],
    ['whose header block does not end', Buffer.concat([preface, openBlock]), nothing],
    [
      'whose header block goes on and on',
      Buffer.concat([preface, openBlock]),
      frame(FrameType.CONTINUATION, 0, 1, Buffer.from([0x82])),
    ],
    ['whose frame stays a half', Buffer.concat([preface, halfFrame]), nothing],
    ['whose frame comes byte by byte', Buffer.concat([preface, callFrames(1), halfFrame]), Buffer.from([0x82])],
  ] as const)('%s', async ([, first, drip], { expect }) => {
    const life = await lifeOf(first, drip);
    expect(life).toBeGreaterThan(GIVEN - 100);
    expect(life).toBeLessThan(GONE);
  });
});

describe.concurrent('a stream is reset', { timeout: 60_000 }, () => {
  const message = grpcMessage(Buffer.alloc(1000));
  const noWindow = frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]));
  it.for([
    ['whose request has no body', headersFrame(1), nothing],
    [
      'whose message stays a half',
      Buffer.concat([headersFrame(1), dataFrame(1, message.subarray(0, 500), 0)]),
      nothing,
    ],
    [
      'whose message comes byte by byte',
      Buffer.concat([headersFrame(1), dataFrame(1, message.subarray(0, 500), 0)]),
      dataFrame(1, Buffer.alloc(1), 0),
    ],
    ['whose response finds no window', Buffer.concat([noWindow, callFrames(1)]), nothing],
  ] as const)('%s, and its connection serves on', async ([, first, drip], { expect }) => {
    const peer = await connectPeer();
    const start = performance.now();
    peer.send(first);
    const dripping = setInterval(() => peer.send(drip), 1000);
    const { reset } = await peer.waitForResponse(1);
    clearInterval(dripping);
    expect(reset).toBe(CANCEL);
    expect(performance.now() - start).toBeGreaterThan(GIVEN - 100);
    expect(performance.now() - start).toBeLessThan(GONE);
    peer.send(frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0])), callFrames(3));
    expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
    expect(peer.goAways).toEqual([]);
  });
});

it.concurrent('connections beside them are served all the time, also one that was idle', {
  timeout: 60_000,
}, async () => {
  const [idle, busy] = [await connectPeer(), await connectPeer()];
  await idle.roundTrip();
  const end = performance.now() + 1.5 * GIVEN;
  let id = 1;
  for (; performance.now() < end; id += 2) {
    busy.send(callFrames(id));
    expect((await busy.waitForResponse(id)).headers['grpc-status']).toBe('0');
    await sleep(50);
  }
  idle.send(callFrames(1));
  expect((await idle.waitForResponse(1)).headers['grpc-status']).toBe('0');
});
