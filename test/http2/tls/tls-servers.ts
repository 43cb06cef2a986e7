import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type Http2GrpcServer, startHttp2GrpcServer } from '../../../src/transport/grpc-http2/http2-grpc-server.ts';
import { grpcMessage, METHOD } from '../frame-builders.ts';

let folder: string;
const servers: Http2GrpcServer[] = [];
/** Path of a file in the folder with the certificates. */
export const inFolder = (file: string): string => path.join(folder, file);

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

/** Creates the certificates `first`, `second` and `client`, and stops the servers that the tests of a file started. */
export function useTlsServers(): void {
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
}

/** Starts a server with `server.crt`, a copy of `first.crt`, and returns its port. It echoes messages. */
export async function serve({
  maxConnections = 100,
  ...extra
}: {
  maxConnections?: number;
  clientCaFile?: string;
  clientIdentities?: readonly string[];
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
export function call(session: ClientHttp2Session, message: Buffer): Promise<Buffer> {
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

export function openSession(port: number, options: object): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(`https://localhost:${port}`, options);
    session.on('error', reject);
    session.on('connect', () => resolve(session));
  });
}
