import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, request } from 'node:https';
import { expect } from 'vitest';
import { createCertificates } from '../../../provision/certificates.ts';
import { test } from '../../support/fixtures.ts';
import { ADMINISTRATOR } from '../../support/node.ts';
import { PAGE } from './console-client.ts';

const it = test
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('certificates', { scope: 'file' }, async ({}, { onCleanup }) => {
    const certificates = await createCertificates();
    onCleanup(() => certificates.remove());
    return certificates;
  })
  .override('environment', ({ certificates: { certFile, keyFile } }) => ({
    HTTP_TLS_CERT_FILE: certFile,
    HTTP_TLS_KEY_FILE: keyFile,
  }));

it('a listener with TLS sets the cookie of https', async ({ node, certificates }) => {
  const port = node.app.ports.http;
  const sent = request({
    ...{ host: 'localhost', port, path: '/console/session', method: 'POST', agent: false },
    ca: readFileSync(certificates.caFile),
    headers: { ...PAGE, origin: `https://localhost:${port}`, 'sec-fetch-site': 'same-origin' },
  });
  sent.end(JSON.stringify(ADMINISTRATOR));
  const [response] = await once(sent, 'response');
  response.resume();
  expect(response.statusCode).toBe(200);
  expect(response.headers['set-cookie'][0]).toMatch(/^__Host-weir=.*; Secure;/);
});

it('a listener with TLS tells browsers to use only https, and one without does not', async ({
  node,
  startNode,
  certificates,
}) => {
  const ca = readFileSync(certificates.caFile);
  for (const path of ['/console/', '/v1/quota', '/weir.admin.v1.AuthService/Login', '/nothing']) {
    const [response] = await once(
      get({ host: 'localhost', port: node.app.ports.http, path, agent: false, ca }),
      'response',
    );
    response.resume();
    expect([path, response.headers['strict-transport-security']]).toEqual([path, 'max-age=31536000']);
  }
  const plain = await startNode({ HTTP_TLS_CERT_FILE: '', HTTP_TLS_KEY_FILE: '' });
  expect((await plain.fetch('/console/')).headers.get('strict-transport-security')).toBeNull();
});
