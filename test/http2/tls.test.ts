import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Http2GrpcServer, startHttp2GrpcServer } from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import { grpcMessage, METHOD } from './frame-builders.ts';

let folder: string;
const servers: Http2GrpcServer[] = [];
const inFolder = (file: string): string => path.join(folder, file);

/** Creates a self-signed certificate with its key. */
function createCertificate(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    inFolder(`${name}.key`),
  ];
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-days', '2', '-out', inFolder(`${name}.crt`)], {
    stdio: 'pipe',
  });
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-tls-'));
  for (const name of ['first', 'second', 'client']) createCertificate(name);
  copyFileSync(inFolder('first.crt'), inFolder('server.crt'));
  copyFileSync(inFolder('first.key'), inFolder('server.key'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop({ graceMs: 0 });
});

afterAll(() => rmSync(folder, { recursive: true }));

async function serve({
  maxConnections = 100,
  ...extra
}: {
  maxConnections?: number;
  clientCaFile?: string;
} = {}): Promise<number> {
  const server = await startHttp2GrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    maxConnections,
    tls: { certFile: inFolder('server.crt'), keyFile: inFolder('server.key'), ...extra },
    handler: (calls) => {
      for (const call of calls) call.reply(call.message);
    },
  });
  servers.push(server);
  return server.address.port;
}

/** Makes a call with the message, and resolves to the body of its response. */
function call(session: ClientHttp2Session, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = session.request({
      ':method': 'POST',
      ':path': METHOD,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => (parts.length > 0 ? resolve(Buffer.concat(parts)) : reject(new Error('no response'))));
    request.on('error', reject);
    request.on('close', () => reject(new Error('closed')));
    request.end(grpcMessage(message));
  });
}

function openSession(port: number, options: object): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(`https://localhost:${port}`, options);
    session.on('error', reject);
    session.on('connect', () => resolve(session));
  });
}

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

  it('closes a connection without a handshake after the timeout, or at once to make room, but not one with calls', {
    timeout: 60_000,
  }, async () => {
    const port = await serve({ maxConnections: 2 });
    const client = await openSession(port, { rejectUnauthorized: false });
    await call(client, Buffer.from('first'));
    const silentSockets = [connectTcp(port, '127.0.0.1'), connectTcp(port, '127.0.0.1')];
    const lifetimesMs = await Promise.all(
      silentSockets.map(async (socket) => {
        const start = performance.now();
        socket.on('error', () => {}).resume();
        await new Promise((resolve) => socket.once('close', resolve));
        return performance.now() - start;
      }),
    );
    expect(Math.min(...lifetimesMs)).toBeLessThan(5000);
    expect(Math.max(...lifetimesMs)).toBeGreaterThan(9000);
    expect(Math.max(...lifetimesMs)).toBeLessThan(30_000);
    expect(await call(client, Buffer.from('still'))).toEqual(grpcMessage(Buffer.from('still')));
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
