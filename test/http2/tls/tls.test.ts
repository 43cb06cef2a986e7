import { copyFileSync, readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { startHttp2GrpcServer } from '../../../src/transport/grpc-http2/http2-grpc-server.ts';
import { grpcMessage } from '../frame-builders.ts';
import { call, inFolder, openSession, serve, useTlsServers } from './tls-servers.ts';

useTlsServers();

function handshake(port: number, ALPNProtocols: string[] | undefined): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false, ...(ALPNProtocols && { ALPNProtocols }) };
    const socket = connectTls(options, () => resolve(socket));
    socket.on('error', reject);
  });
}

describe('a server with TLS', () => {
  it('answers small and large calls', async () => {
    const session = await openSession(await serve(), { ca: readFileSync(inFolder('first.crt')) });
    for (const message of [Buffer.from('small'), Buffer.alloc(300_000, 'large')])
      expect((await call(session, message)).equals(grpcMessage(message))).toBe(true);
    session.destroy();
  });

  it('accepts only HTTP/2, and closes connections that negotiate something else or nothing', async () => {
    const port = await serve();
    const socket = await handshake(port, ['h2']);
    expect(socket.alpnProtocol).toBe('h2');
    socket.destroy();
    await expect(handshake(port, ['http/1.1'])).rejects.toThrow();
    const withoutAlpn = await handshake(port, undefined);
    await new Promise((resolve) => withoutAlpn.on('close', resolve));
  });

  it('accepts only clients with a certificate of the client CA, if one is configured', async () => {
    const port = await serve({ clientCaFile: inFolder('client.crt') });
    const ca = readFileSync(inFolder('first.crt'));
    const trusted = { ca, cert: readFileSync(inFolder('client.crt')), key: readFileSync(inFolder('client.key')) };
    const session = await openSession(port, trusted);
    expect(await call(session, Buffer.from('trusted'))).toEqual(grpcMessage(Buffer.from('trusted')));
    session.destroy();
    const stranger = { ca, cert: readFileSync(inFolder('second.crt')), key: readFileSync(inFolder('second.key')) };
    for (const options of [{ ca }, stranger]) {
      const rejected = await openSession(port, options);
      await expect(call(rejected, Buffer.from('rejected'))).rejects.toThrow();
    }
  });

  it('uses changed files for new connections, keeps open ones, and ignores a certificate that does not fit its key', {
    timeout: 30_000,
  }, async () => {
    const port = await serve();
    const early = await openSession(port, { ca: readFileSync(inFolder('first.crt')) });
    const presentedName = async (): Promise<string | string[] | undefined> => {
      const socket = await handshake(port, ['h2']);
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return CN;
    };
    expect(await presentedName()).toBe('first');
    copyFileSync(inFolder('second.crt'), inFolder('server.crt'));
    await sleep(1500);
    expect(await presentedName()).toBe('first');
    copyFileSync(inFolder('second.key'), inFolder('server.key'));
    while ((await presentedName()) !== 'second') await sleep(100);
    expect(await call(early, Buffer.from('still open'))).toEqual(grpcMessage(Buffer.from('still open')));
    early.destroy();
  });

  it('closes a connection without a handshake to make room, but not one with calls', async () => {
    const port = await serve({ maxConnections: 2 });
    const client = await openSession(port, { rejectUnauthorized: false });
    await call(client, Buffer.from('first'));
    const silentSockets = [connectTcp(port, '127.0.0.1'), connectTcp(port, '127.0.0.1')];
    const closed = silentSockets.map(async (socket) => {
      socket.on('error', () => {}).resume();
      await new Promise((resolve) => socket.once('close', resolve));
    });
    await Promise.race(closed);
    expect(await call(client, Buffer.from('still'))).toEqual(grpcMessage(Buffer.from('still')));
    expect(silentSockets.filter((socket) => !socket.closed)).toHaveLength(1);
    for (const socket of silentSockets) socket.destroy();
    client.close();
  });

  it('does not start when a file is missing', async () => {
    const tls = { certFile: inFolder('missing.crt'), keyFile: inFolder('server.key') };
    const start = startHttp2GrpcServer({
      address: { host: '127.0.0.1', port: 0 },
      maxConnections: 100,
      tls,
      handler: () => {},
    });
    await expect(start).rejects.toThrow('missing.crt');
  });
});
