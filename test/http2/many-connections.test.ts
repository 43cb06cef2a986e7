import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Http2GrpcServer, startHttp2GrpcServer } from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import { callFrames } from './frame-builders.ts';
import { RawPeer } from './raw-peer.ts';

const MOST = 20;

let server: Http2GrpcServer;
const sockets: Socket[] = [];
const warnings: object[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  warnings.length = 0;
  await server.stop({ graceMs: 0 });
});

async function serve(): Promise<void> {
  server = await startHttp2GrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    maxConnections: MOST,
    handler: (calls) => {
      for (const each of calls) each.reply(each.message);
    },
    log: { warn: (fields) => warnings.push(fields) },
  });
}

async function connectPeer(): Promise<RawPeer> {
  const peer = await RawPeer.connect(server.address.port);
  sockets.push(peer.socket);
  return peer;
}

/** A peer whose first call was answered. */
async function callingPeer(): Promise<RawPeer> {
  const peer = await connectPeer();
  peer.send(callFrames(1));
  await peer.waitForResponse(1);
  return peer;
}

async function silentPeers(count: number): Promise<Socket[]> {
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

describe('connections beyond the most', () => {
  it('close the oldest that never asked, so that silent ones lock nobody out, however many', async () => {
    await serve();
    const early = await callingPeer();
    const silent = await silentPeers(5 * MOST);
    const late = await callingPeer();
    await sleep(50);
    expect(silent.filter((socket) => !socket.destroyed)).toEqual(silent.slice(-(MOST - 2)));
    expect(server.countConnections()).toBe(MOST);
    for (const peer of [early, late]) {
      peer.send(callFrames(3));
      expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
    }
  });

  it('are closed themselves where all have asked, until one of these leaves; told once', async () => {
    await serve();
    const peers: RawPeer[] = [];
    for (let index = 0; index < MOST; index++) peers.push(await callingPeer());
    for (let refused = 0; refused < 3; refused++) await (await connectPeer()).waitUntilClosed();
    expect(warnings).toEqual([{ most: MOST, closed: 1 }]);
    for (const peer of peers) {
      peer.send(callFrames(3));
      expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
    }
    peers[0]?.socket.destroy();
    while (server.countConnections() === MOST) await sleep(5);
    await callingPeer();
  });
});
