import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MIN_IDLE_MS } from '../../src/transport/connection-limiter.ts';
import {
  type Http2GrpcServer,
  SWEEP_INTERVAL_MS,
  startHttp2GrpcServer,
} from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import type { BatchHandler, UnaryCall } from '../../src/transport/unary-call.ts';
import { callFrames } from './frame-builders.ts';
import { RawPeer } from './raw-peer.ts';

const MAX_CONNECTIONS = 20;

let server: Http2GrpcServer;
const sockets: Socket[] = [];
const warnings: object[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const socket of sockets.splice(0)) socket.destroy();
  warnings.length = 0;
  await server.stop({ graceMs: 0 });
});

async function serve(
  handler: BatchHandler = (calls) => {
    for (const call of calls) call.reply(call.message);
  },
): Promise<void> {
  server = await startHttp2GrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    maxConnections: MAX_CONNECTIONS,
    handler,
    log: { warn: (fields) => warnings.push(fields) },
  });
}

async function connectPeer(): Promise<RawPeer> {
  const peer = await RawPeer.connect(server.address.port);
  sockets.push(peer.socket);
  return peer;
}

/** Connects a peer, and waits for the response to its first call. */
async function connectCallingPeer(): Promise<RawPeer> {
  const peer = await connectPeer();
  peer.send(callFrames(1));
  await peer.waitForResponse(1);
  return peer;
}

/** Opens connections that send nothing. */
async function connectSilentPeers(count: number): Promise<Socket[]> {
  const opened: Socket[] = [];
  for (let index = 0; index < count; index++) {
    const socket = connect({ port: server.address.port, host: '127.0.0.1' });
    socket.on('error', () => {}).resume();
    await new Promise((resolve) => socket.once('connect', resolve));
    opened.push(socket);
  }
  sockets.push(...opened);
  return opened;
}

describe('a server with its maximum of connections', () => {
  it('closes the oldest connection without a call for a new one, so silent connections lock nobody out', async () => {
    await serve();
    const early = await connectCallingPeer();
    const silent = await connectSilentPeers(5 * MAX_CONNECTIONS);
    const late = await connectCallingPeer();
    const open = () => silent.filter((socket) => !socket.destroyed);
    await expect.poll(() => open().length, { timeout: 20_000 }).toBe(MAX_CONNECTIONS - 2);
    expect(open()).toEqual(silent.slice(-(MAX_CONNECTIONS - 2)));
    expect(server.countConnections()).toBe(MAX_CONNECTIONS);
    for (const peer of [early, late]) {
      peer.send(callFrames(3));
      expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
    }
  });

  it('closes new connections while all open ones have made calls within ten seconds, and logs one warning', async () => {
    await serve();
    const peers: RawPeer[] = [];
    for (let index = 0; index < MAX_CONNECTIONS; index++) peers.push(await connectCallingPeer());
    for (let rejected = 0; rejected < 3; rejected++) await (await connectPeer()).waitUntilClosed();
    expect(warnings).toEqual([{ most: MAX_CONNECTIONS, closed: 1 }]);
    for (const peer of peers) {
      peer.send(callFrames(3));
      expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
    }
    peers[0]?.socket.destroy();
    while (server.countConnections() === MAX_CONNECTIONS) await sleep(5);
    await connectCallingPeer();
  });

  it('closes the connection that has been idle the longest for a new one, after it has said GOAWAY', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await serve();
    const idle = await connectCallingPeer();
    const others: RawPeer[] = [];
    while (others.length < MAX_CONNECTIONS - 1) others.push(await connectCallingPeer());
    await sleep(SWEEP_INTERVAL_MS + 500); // the sweep that sees these calls
    vi.advanceTimersByTime(MIN_IDLE_MS);
    for (const peer of others) {
      peer.send(callFrames(3));
      await peer.waitForResponse(3);
    }
    await sleep(SWEEP_INTERVAL_MS + 500);
    const late = await connectCallingPeer();
    await idle.waitUntilClosed();
    expect(idle.goAways.map(({ code }) => code)).toEqual([0]);
    await (await connectPeer()).waitUntilClosed();
    for (const peer of [...others, late]) {
      peer.send(callFrames(5));
      expect((await peer.waitForResponse(5)).headers['grpc-status']).toBe('0');
    }
  });

  it('keeps a connection whose call is in progress, however long that takes', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const held: UnaryCall[] = [];
    await serve((calls) => held.push(...calls));
    for (let index = 0; index < MAX_CONNECTIONS; index++) (await connectPeer()).send(callFrames(1));
    await expect.poll(() => held.length).toBe(MAX_CONNECTIONS);
    vi.advanceTimersByTime(MIN_IDLE_MS);
    await sleep(SWEEP_INTERVAL_MS + 500);
    await (await connectPeer()).waitUntilClosed();
    expect(server.countConnections()).toBe(MAX_CONNECTIONS);
  });
});
