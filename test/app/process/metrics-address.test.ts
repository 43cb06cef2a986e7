import { expect } from 'vitest';
import { test as it } from '../../support/fixtures.ts';

const OPERATIONS = ['/healthz', '/readyz', '/status', '/metrics'];
const KEY_SET = '/.well-known/jwks.json';

it('serves probes and metrics on HTTP_ADDRESS while METRICS_ADDRESS is unset', async ({ node }) => {
  expect(node.app.ports.metrics).toBeUndefined();
  for (const path of [...OPERATIONS, KEY_SET]) expect((await node.fetch(path)).status).toBe(200);
});

it('lets nobody store or reinterpret its answers, except for the key set, which may be cached', async ({ node }) => {
  for (const path of [...OPERATIONS, KEY_SET, '/v1/quota', '/unknown']) {
    const { headers } = await node.fetch(path);
    expect([path, headers.get('x-content-type-options')]).toEqual([path, 'nosniff']);
    const expected = path === KEY_SET ? 'public, max-age=60' : 'no-store';
    expect([path, headers.get('cache-control')]).toEqual([path, expected]);
  }
});

it('serves probes and metrics only on METRICS_ADDRESS if it is set', async ({ startNode }) => {
  const node = await startNode({ METRICS_ADDRESS: '127.0.0.1:0' });
  const { http, metrics } = node.app.ports;
  const fetchStatus = async (port: number | undefined, path: string, method: string) =>
    (await fetch(`http://127.0.0.1:${port}${path}`, { method })).status;
  for (const path of OPERATIONS) {
    expect(await fetchStatus(metrics, path, 'GET')).toBe(200);
    for (const method of ['GET', 'HEAD', 'POST']) expect(await fetchStatus(http, path, method)).toBe(404);
  }
  for (const path of [KEY_SET, '/json', '/']) expect(await fetchStatus(metrics, path, 'GET')).toBe(404);
  expect(await fetchStatus(http, KEY_SET, 'GET')).toBe(200);
  expect(await fetchStatus(http, KEY_SET, 'POST')).toBe(405);
});

it('serves security.txt on HTTP_ADDRESS if there is a contact', async ({ node, startNode }) => {
  const path = '/.well-known/security.txt';
  expect((await node.fetch(path)).status).toBe(404);
  const other = await startNode({ SECURITY_CONTACT: 'mailto:security@example.com' });
  const response = await other.fetch(path);
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await response.text()).toMatch(/^Contact: mailto:security@example\.com\nExpires: 20\d\d-/);
  await expect(startNode({ SECURITY_CONTACT: 'security@example.com' })).rejects.toThrow('SECURITY_CONTACT');
});
