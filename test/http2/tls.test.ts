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
const at = (file: string): string => path.join(folder, file);

function certify(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at(`${name}.key`)];
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-days', '2', '-out', at(`${name}.crt`)], {
    stdio: 'pipe',
  });
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-tls-'));
  for (const name of ['first', 'second', 'client']) certify(name);
  copyFileSync(at('first.crt'), at('server.crt'));
  copyFileSync(at('first.key'), at('server.key'));
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
    tls: { certFile: at('server.crt'), keyFile: at('server.key'), ...extra },
    handler: (calls) => {
      for (const call of calls) call.reply(call.message);
    },
  });
  servers.push(server);
  return server.address.port;
}

function echo(session: ClientHttp2Session, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = session.request({
      ':method': 'POST',
      ':path': METHOD,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => (parts.length > 0 ? resolve(Buffer.concat(parts)) : reject(new Error('no answer'))));
    request.on('error', reject);
    request.on('close', () => reject(new Error('closed')));
    request.end(grpcMessage(message));
  });
}

function session(port: number, options: object): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const opened = connect(`https://localhost:${port}`, options);
    opened.on('error', reject);
    opened.on('connect', () => resolve(opened));
  });
}

function handshake(port: number, ALPNProtocols: string[] | undefined): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false, ...(ALPNProtocols && { ALPNProtocols }) };
    const socket = connectTls(options, () => resolve(socket));
    socket.on('error', reject);
  });
}

describe('over TLS', () => {
  it('calls are answered, small and large', async () => {
    const opened = await session(await serve(), { ca: readFileSync(at('first.crt')) });
    for (const message of [Buffer.from('small'), Buffer.alloc(300_000, 'large')])
      expect((await echo(opened, message)).equals(grpcMessage(message))).toBe(true);
    opened.destroy();
  });

  it('only h2 is spoken', async () => {
    const port = await serve();
    const socket = await handshake(port, ['h2']);
    expect(socket.alpnProtocol).toBe('h2');
    socket.destroy();
    await expect(handshake(port, ['http/1.1'])).rejects.toThrow();
    const silent = await handshake(port, undefined);
    await new Promise((resolve) => silent.on('close', resolve));
  });

  it('a client must show a certificate of the authority where one is asked for', async () => {
    const port = await serve({ clientCaFile: at('client.crt') });
    const ca = readFileSync(at('first.crt'));
    const shown = { ca, cert: readFileSync(at('client.crt')), key: readFileSync(at('client.key')) };
    const opened = await session(port, shown);
    expect(await echo(opened, Buffer.from('trusted'))).toEqual(grpcMessage(Buffer.from('trusted')));
    opened.destroy();
    const stranger = { ca, cert: readFileSync(at('second.crt')), key: readFileSync(at('second.key')) };
    for (const options of [{ ca }, stranger]) {
      const refused = await session(port, options);
      await expect(echo(refused, Buffer.from('refused'))).rejects.toThrow();
    }
  });

  it('files that change are taken up by new connections, while open ones stay; bad ones are left', {
    timeout: 30_000,
  }, async () => {
    const port = await serve();
    const early = await session(port, { ca: readFileSync(at('first.crt')) });
    const presented = async (): Promise<string | string[] | undefined> => {
      const socket = await handshake(port, ['h2']);
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return CN;
    };
    expect(await presented()).toBe('first');
    copyFileSync(at('second.crt'), at('server.crt'));
    await sleep(1500);
    expect(await presented()).toBe('first');
    copyFileSync(at('second.key'), at('server.key'));
    while ((await presented()) !== 'second') await sleep(100);
    expect(await echo(early, Buffer.from('still open'))).toEqual(grpcMessage(Buffer.from('still open')));
    early.destroy();
  });

  it('who never shakes hands is gone in time, and at once where room is needed; who calls stays', {
    timeout: 60_000,
  }, async () => {
    const port = await serve({ maxConnections: 2 });
    const client = await session(port, { rejectUnauthorized: false });
    await echo(client, Buffer.from('first'));
    const silent = [connectTcp(port, '127.0.0.1'), connectTcp(port, '127.0.0.1')];
    const lives = await Promise.all(
      silent.map(async (socket) => {
        const start = performance.now();
        socket.on('error', () => {}).resume();
        await new Promise((resolve) => socket.once('close', resolve));
        return performance.now() - start;
      }),
    );
    expect(Math.min(...lives)).toBeLessThan(5000);
    expect(Math.max(...lives)).toBeGreaterThan(9000);
    expect(Math.max(...lives)).toBeLessThan(30_000);
    expect(await echo(client, Buffer.from('still'))).toEqual(grpcMessage(Buffer.from('still')));
    client.close();
  });

  it('does not start without its files', async () => {
    const tls = { certFile: at('missing.crt'), keyFile: at('server.key') };
    const start = startHttp2GrpcServer({
      address: { host: '127.0.0.1', port: 0 },
      maxConnections: 100,
      tls,
      handler: () => {},
    });
    await expect(start).rejects.toThrow('missing.crt');
  });
});
