import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ConsoleEndpoint } from '../../../src/http/console/console-endpoint.ts';
import { serveConsoleFiles } from '../../../src/http/console/console-files.ts';
import { ApiGate } from '../../../src/http/endpoints/api-gate.ts';
import { startHttpListener } from '../../../src/http/http-listener.ts';
import { send } from './console-client.ts';

const INDEX =
  '<!doctype html><title>Weir</title><script type="module" src="/console/assets/main-a1b2c3d4.js"></script>';
const SCRIPT = 'console.log("weir");\n'.repeat(200);

/** Serves a folder. Without files, the folder does not exist. */
async function serveFolder(files: Readonly<Record<string, string>>, onCleanup: (stop: () => Promise<void>) => void) {
  const parent = await mkdtemp(path.join(tmpdir(), 'weir-console-'));
  await writeFile(path.join(parent, 'secret.txt'), 'outside of the folder');
  const folder = path.join(parent, 'console');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  const parts = { gate: new ApiGate(), isTls: false, trustedProxies: [] };
  const endpoint = new ConsoleEndpoint({ ...parts, files: serveConsoleFiles(pathToFileURL(`${folder}/`)) });
  const { port, stop } = await startHttpListener({ address: { host: '127.0.0.1', port: 0 } }, endpoint.answer);
  onCleanup(async () => {
    await stop();
    await rm(parent, { recursive: true });
  });
  return port;
}

const it = test
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('port', { scope: 'file' }, ({}, { onCleanup }) =>
    serveFolder({ 'index.html': INDEX, 'assets/main-a1b2c3d4.js': SCRIPT, 'icon.svg': '<svg/>' }, onCleanup),
  )
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('unbuilt', { scope: 'file' }, ({}, { onCleanup }) => serveFolder({}, onCleanup));

describe('the files of the console', () => {
  it('are below /console/, to which /console redirects', async ({ port }) => {
    const redirect = await send(port, '/console?next=%2Fplans');
    expect([redirect.status, redirect.headers.location]).toEqual([308, '/console/?next=%2Fplans']);
    const page = await send(port, '/console/');
    expect([page.status, page.headers['content-type'], page.text]).toEqual([200, 'text/html; charset=utf-8', INDEX]);
    expect((await send(port, '/console/icon.svg')).headers['content-type']).toBe('image/svg+xml');
  });

  it('with hashed names may be kept for a year, and others are asked for again', async ({ port }) => {
    const script = await send(port, '/console/assets/main-a1b2c3d4.js');
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const { etag, 'cache-control': cacheControl } = (await send(port, '/console/')).headers;
    expect(cacheControl).toBe('no-cache');
    const again = await send(port, '/console/', { headers: { 'if-none-match': etag } });
    expect([again.status, again.text, again.headers['x-frame-options']]).toEqual([304, '', 'DENY']);
  });

  it.for([
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip;q=0.5', 'gzip', gunzipSync],
  ] as const)('are compressed as %s allows, by %s', async ([accepted, encoding, decompress], { port }) => {
    const headers = { 'accept-encoding': accepted };
    const answer = await send(port, '/console/assets/main-a1b2c3d4.js', { headers });
    expect(answer.headers).toMatchObject({ 'content-encoding': encoding, vary: 'accept-encoding' });
    expect(answer.bytes.length).toBeLessThan(SCRIPT.length / 10);
    expect(decompress(answer.bytes).toString()).toBe(SCRIPT);
  });

  it.for([[undefined], ['deflate'], ['br;q=0']])('are not compressed for %s', async ([accepted], { port }) => {
    const headers = { 'accept-encoding': accepted };
    const answer = await send(port, '/console/assets/main-a1b2c3d4.js', { headers });
    expect([answer.headers['content-encoding'], answer.text]).toEqual([undefined, SCRIPT]);
  });

  it('that would not be smaller are not compressed', async ({ port }) => {
    const answer = await send(port, '/console/icon.svg', { headers: { 'accept-encoding': 'br' } });
    expect([answer.headers['content-encoding'], answer.text]).toEqual([undefined, '<svg/>']);
  });

  it.for(['/console/accounts/42/keys', '/console/explain?descriptor=a', '/console/index.html'])(
    'answer the page %s with index.html',
    async (page, { port }) => {
      expect(await send(port, page)).toMatchObject({ status: 200, text: INDEX });
    },
  );

  it.for([
    '/console/assets/none.js',
    '/console/none.css',
    '/console/../secret.txt',
    '/console/..%2fsecret.txt',
    '/console/..%2f..%2f',
    '/console/%2e%2e/%2e%2e/etc/passwd',
    '/console/assets/..%5c..%5csecret.txt',
    '/console/assets/../../secret.txt',
    '/console//etc/passwd.txt',
  ])('do not include %s', async (file, { port }) => {
    expect(await send(port, file)).toMatchObject({ status: 404, text: 'not found\n' });
  });

  it('answer HEAD without a body, and no other method', async ({ port }) => {
    const head = await send(port, '/console/', { method: 'HEAD' });
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', `${INDEX.length}`]);
    const post = await send(port, '/console/', { method: 'POST' });
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('that were not built are answered with how to build them', async ({ unbuilt }) => {
    for (const file of ['/console/', '/console/accounts', '/console/assets/main.js']) {
      const answer = await send(unbuilt, file);
      expect([file, answer.status]).toEqual([file, 404]);
      expect(answer.text).toContain('node scripts/setup.mjs --build');
    }
  });
});

it.for(['/console', '/console/', '/console/accounts', '/console/none.js', '/console/session', '/console/api/x'])(
  'the answer to %s refuses frames, other hosts, and cross-origin scripts',
  async (file, { port }) => {
    const { headers } = await send(port, file, { headers: { origin: 'https://evil.example' } });
    expect(headers).toMatchObject({
      'content-security-policy':
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': expect.stringContaining('camera=()'),
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  },
);
