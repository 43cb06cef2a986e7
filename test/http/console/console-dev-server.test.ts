import { createServer } from 'vite';
import { expect } from 'vitest';
import config from '../../../console/vite.config.ts';
import { test as it } from '../../support/fixtures.ts';
import { ADMINISTRATOR } from '../../support/node.ts';
import { PAGE, readSetCookie, send } from './console-client.ts';

it('`npm run dev:console` passes sign-ins and calls of its pages to a running Weir', async ({
  node,
  onTestFinished,
}) => {
  const target = `http://127.0.0.1:${node.app.ports.http}`;
  const proxy = Object.fromEntries(
    Object.entries(config.server?.proxy ?? {}).map(([path, options]) => [
      path,
      typeof options === 'string' ? target : { ...options, target },
    ]),
  );
  const server = await createServer({
    ...config,
    configFile: false,
    logLevel: 'silent',
    server: { host: '127.0.0.1', port: 0, proxy, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true },
  });
  onTestFinished(() => server.close());
  await server.listen();
  const { port } = new URL(server.resolvedUrls?.local[0] ?? '');
  const headers = { ...PAGE, origin: `http://localhost:${port}`, 'sec-fetch-site': 'same-origin' };
  const signedIn = await send(Number(port), '/console/session', { method: 'POST', headers, body: ADMINISTRATOR });
  expect([signedIn.status, signedIn.text]).toEqual([200, '{}']);
  const path = '/console/api/weir.admin.v1.AuthService/GetProfile';
  const options = { method: 'POST', headers: { ...headers, cookie: readSetCookie(signedIn) }, body: {} };
  expect((await send(Number(port), path, options)).status).toBe(200);
});
