import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { grpcMessage } from '../frame-builders.ts';
import { call, inFolder, openSession, serve, useTlsServers } from './tls-servers.ts';

useTlsServers();

const ENVOY = 'spiffe://example.org/ns/edge/sa/envoy';

/** Has the authority `client` sign a certificate with this common name and these alternative names. */
function signCertificate(file: string, commonName: string, alternativeNames: string): object {
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const [key, request, certificate, extensions] = ['key', 'csr', 'crt', 'ext'].map((type) =>
    inFolder(`${file}.${type}`),
  );
  if (key === undefined || request === undefined || certificate === undefined || extensions === undefined)
    throw new Error();
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', ...curve, '-keyout', key, '-subj', `/CN=${commonName.replaceAll('/', '\\/')}`, '-out', request);
  writeFileSync(extensions, `subjectAltName=${alternativeNames}\n`);
  const authority = ['-CA', inFolder('client.crt'), '-CAkey', inFolder('client.key'), '-CAcreateserial'];
  openssl('x509', '-req', '-in', request, ...authority, '-days', '2', '-extfile', extensions, '-out', certificate);
  return { ca: readFileSync(inFolder('first.crt')), cert: readFileSync(certificate), key: readFileSync(key) };
}

async function canCall(port: number, options: object): Promise<boolean> {
  const session = await openSession(port, options);
  try {
    return (await call(session, Buffer.from('hello'))).equals(grpcMessage(Buffer.from('hello')));
  } catch {
    return false;
  } finally {
    session.destroy();
  }
}

describe('a server that names its clients', () => {
  it('answers those, and disconnects others with a certificate of the same authority', async () => {
    const clientCaFile = inFolder('client.crt');
    const port = await serve({ clientCaFile, clientIdentities: [ENVOY, 'gateway.edge'] });
    const clients = {
      envoy: signCertificate('envoy', 'workload', `URI:${ENVOY}`),
      gateway: signCertificate('gateway', 'gateway.edge', 'DNS:other'),
      stranger: signCertificate('stranger', 'stranger', 'URI:spiffe://example.org/ns/edge/sa/other'),
      impostor: signCertificate('impostor', ENVOY, `DNS:other, URI:${ENVOY}/more`),
    };
    const results: Record<string, boolean> = {};
    for (const [name, options] of Object.entries(clients)) results[name] = await canCall(port, options);
    expect(results).toEqual({ envoy: true, gateway: true, stranger: false, impostor: false });
  });

  it('knows a client again that resumes its session', async () => {
    const port = await serve({ clientCaFile: inFolder('client.crt'), clientIdentities: ['known'] });
    const options = {
      ...signCertificate('known', 'known', 'DNS:other'),
      port,
      host: 'localhost',
      ALPNProtocols: ['h2'],
    };
    const session = await new Promise<Buffer>((resolve, reject) => {
      const socket = connect(options, () => socket.resume());
      socket.on('session', resolve).on('error', reject);
    });
    expect(await canCall(port, { ...options, session })).toBe(true);
  });
});
