import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { type Certificates, createCertificates } from '../../../provision/certificates.ts';
import { AuthServiceService, LoginRequest } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { test } from '../../support/fixtures.ts';
import { ADMINISTRATOR } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** How long the certificate is valid that replaces the first one. */
const DAYS_OF_SECOND = 30;

interface OwnCertificates extends Certificates {
  /** Replaces the certificate and the key by another pair of the same authority. */
  replace(): Promise<void>;
}

const it = test
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures that it needs from the pattern
  .extend('certificates', { scope: 'file' }, async ({}, { onCleanup }): Promise<OwnCertificates> => {
    const [first, second] = [await createCertificates(), await createCertificates({ days: DAYS_OF_SECOND })];
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-listener-tls-'));
    const [certFile, keyFile] = [path.join(folder, 'tls.crt'), path.join(folder, 'tls.key')];
    const install = async (pair: Certificates) => {
      await copyFile(pair.keyFile, keyFile);
      await copyFile(pair.certFile, certFile);
    };
    await install(first);
    const remove = async () => {
      for (const pair of [first, second]) await pair.remove();
      await rm(folder, { recursive: true });
    };
    onCleanup(remove);
    return { caFile: first.caFile, certFile, keyFile, remove, replace: () => install(second) };
  })
  .override('environment', ({ certificates: { certFile, keyFile } }) => ({
    ADMIN_TLS_CERT_FILE: certFile,
    ADMIN_TLS_KEY_FILE: keyFile,
    HTTP_TLS_CERT_FILE: certFile,
    HTTP_TLS_KEY_FILE: keyFile,
  }));

function login(port: number, isTls: boolean, ca?: Buffer): Promise<string> {
  const client = new Client(`localhost:${port}`, isTls ? credentials.createSsl(ca) : credentials.createInsecure());
  const { path: method, requestSerialize, responseDeserialize } = AuthServiceService.login;
  const message = LoginRequest.fromPartial(ADMINISTRATOR);
  return new Promise<string>((resolve, reject) => {
    const options = { deadline: Date.now() + 10_000 };
    client.makeUnaryRequest(
      method,
      requestSerialize,
      responseDeserialize,
      message,
      new Metadata(),
      options,
      (error, response) => {
        if (response === undefined) reject(error);
        else resolve(response.accessToken);
      },
    );
  }).finally(() => client.close());
}

/** Fetches a page over HTTPS, with a connection of its own. `ca` undefined: trusts every server. */
function fetchPage(port: number, path: string, ca?: Buffer): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: 'localhost', port, path, ca, rejectUnauthorized: ca !== undefined, agent: false };
    request(options, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
    })
      .on('error', reject)
      .end();
  });
}

/** Returns the fingerprint of the certificate that a listener presents. */
function presentedCertificate(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
  });
}

it('serves the admin API and HTTP over TLS, and nothing in clear', async ({ node, certificates }) => {
  const { admin, http } = node.app.ports;
  const ca = readFileSync(certificates.caFile);
  expect(await login(admin, true, ca)).not.toBe('');
  await expect(login(admin, true)).rejects.toThrow();
  await expect(login(admin, false)).rejects.toThrow();
  expect((await fetchPage(http, '/healthz', ca)).status).toBe(200);
  await expect(fetch(`http://127.0.0.1:${http}/healthz`)).rejects.toThrow();
});

/** Reads from the metrics when the certificates of the listeners for the admin API and HTTP expire, as Unix times in s. */
async function readExpiries(httpPort: number): Promise<readonly number[]> {
  const { body } = await fetchPage(httpPort, '/metrics');
  const expiries = body.matchAll(/^weir_certificate_expiry_timestamp_seconds\{listener="(?:admin|http)"\} (\S+)$/gm);
  return Array.from(expiries, ([, value]) => Number(value));
}

it('presents changed certificates without a restart, and the metrics say when they expire', async ({
  node,
  certificates,
}) => {
  const { admin, http } = node.app.ports;
  const before = await presentedCertificate(admin);
  expect(await presentedCertificate(http)).toBe(before);
  await certificates.replace();
  for (const port of [admin, http]) await waitUntil(async () => (await presentedCertificate(port)) !== before);
  const day = 86_400;
  const soon = Date.now() / 1000 + (DAYS_OF_SECOND - 1) * day;
  const expiries = await readExpiries(http);
  expect(expiries).toHaveLength(2);
  for (const expiry of expiries) {
    expect(expiry).toBeGreaterThan(soon);
    expect(expiry).toBeLessThan(soon + 2 * day);
  }
});
