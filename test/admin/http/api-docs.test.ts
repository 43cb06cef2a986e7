import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { test as it } from '../../support/fixtures.ts';

const ASSETS = ['/docs/start.js', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css'];

it('/openapi.yaml is docs/openapi.yaml', async ({ node }) => {
  const response = await node.fetch('/openapi.yaml');
  expect(response.headers.get('content-type')).toBe('application/yaml; charset=utf-8');
  expect((await response.text()) === readFileSync('docs/openapi.yaml', 'utf8')).toBe(true);
});

it('/docs loads only files of its own, under a policy without inline scripts and other hosts', async ({ node }) => {
  const response = await node.fetch('/docs');
  const policy = response.headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).not.toMatch(/unsafe|https?:/);
  const page = await response.text();
  const urls = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url);
  expect(urls.filter((url) => !url.startsWith('data:')).sort()).toEqual([...ASSETS, '/openapi.yaml'].sort());
  expect(page).not.toMatch(/<script>|style="|onload/);
  for (const url of ASSETS) {
    const asset = await node.fetch(url);
    expect([url, asset.status]).toEqual([url, 200]);
    expect((await asset.text()).length).toBeGreaterThan(100);
  }
});

it('an unchanged file is not sent again', async ({ node }) => {
  const etag = (await node.fetch('/docs/swagger-ui.css')).headers.get('etag') ?? '';
  const again = await node.fetch('/docs/swagger-ui.css', { headers: { 'if-none-match': etag } });
  expect([again.status, await again.text()]).toEqual([304, '']);
});

it('a node without the admin API over HTTP has no page', async ({ startNode }) => {
  const node = await startNode({ HTTP_API: 'off' });
  for (const path of ['/docs', '/openapi.yaml']) expect((await node.fetch(path)).status).toBe(404);
});
