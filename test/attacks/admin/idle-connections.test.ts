import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect } from 'vitest';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { startHttp2GrpcServer } from '../../../src/transport/grpc-http2/http2-grpc-server.ts';
import { CONNECTION_PREFACE } from '../../../src/transport/http2/frames/protocol-constants.ts';
import { callFrames, preface } from '../../http2/frame-builders.ts';
import { RawPeer } from '../../http2/raw-peer.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { test as it } from '../../support/fixtures.ts';
import { ADMINISTRATOR } from '../../support/node.ts';

/** More than one network may have open on a port. */
const CONNECTIONS = 700;
const MAX_OPEN = 500;

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function openConnection(port: number, bytes: Uint8Array): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {}).resume();
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

it.for([
  ['nothing', Buffer.alloc(0)],
  ['a part of the preface', Buffer.from(CONNECTION_PREFACE).subarray(0, 5)],
  ['the preface and no call', preface],
] as const)(
  'connections to the admin port that send %s make room for others, and administrators sign in meanwhile',
  async ([, bytes], { node }) => {
    const opened: Socket[] = [];
    for (let index = 0; index < CONNECTIONS; index++) opened.push(await openConnection(node.app.ports.admin, bytes));
    const newClient = new GrpcClient(node.app.ports.admin);
    const { accessToken } = await newClient.call(AuthServiceService.login, ADMINISTRATOR);
    newClient.close();
    expect(accessToken).not.toBe('');
    await expect.poll(() => opened.filter((socket) => !socket.closed).length).toBeLessThanOrEqual(MAX_OPEN);
  },
);

it('connections to the HTTP port that send nothing make room for others, and probes are answered meanwhile', async ({
  node,
}) => {
  const opened: Socket[] = [];
  for (let index = 0; index < CONNECTIONS; index++) {
    opened.push(await openConnection(node.app.ports.http, Buffer.alloc(0)));
  }
  expect((await node.fetch('/readyz')).status).toBe(200);
  await expect.poll(() => opened.filter((socket) => !socket.closed).length).toBeLessThanOrEqual(MAX_OPEN);
});

it('connections without calls are closed after a while: unused ones soon, others after GOAWAY', async () => {
  const server = await startHttp2GrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    maxConnections: 10,
    idle: { unusedMs: 0, idleMs: 0 },
    handler: (calls) => {
      for (const call of calls) call.reply(call.message);
    },
  });
  const unused = await RawPeer.connect(server.address.port);
  const used = await RawPeer.connect(server.address.port);
  sockets.push(unused.socket, used.socket);
  used.send(callFrames(1));
  expect((await used.waitForResponse(1)).headers['grpc-status']).toBe('0');
  await Promise.all([unused.waitUntilClosed(), used.waitUntilClosed()]);
  expect(unused.goAways).toEqual([]);
  expect(used.goAways.at(-1)).toEqual({ lastStreamId: 1, code: 0 });
  await server.stop({ graceMs: 0 });
});
