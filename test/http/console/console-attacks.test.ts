import { describe, expect } from 'vitest';
import { test } from '../../support/fixtures.ts';
import { ADMINISTRATOR, type TestNode } from '../../support/node.ts';
import { OVER_HTTPS, openCookie, PAGE, readSetCookie, type Sent, sealCookie, send } from './console-client.ts';

const it = test
  .extend('proxied', { scope: 'file' }, ({ startNode }) => startNode({ TRUSTED_PROXIES: '127.0.0.1/32' }))
  .extend('cookie', { scope: 'file' }, async ({ node }) => {
    const options = { method: 'POST', headers: PAGE, body: ADMINISTRATOR };
    return readSetCookie(await send(node.app.ports.http, '/console/session', options));
  });

const getProfile = ({ app }: TestNode, headers: Sent['headers']) =>
  send(app.ports.http, '/console/api/weir.admin.v1.AuthService/GetProfile', {
    method: 'POST',
    headers: { ...PAGE, ...headers },
    body: {},
  });

describe('a page of another site', () => {
  const REQUESTS = [
    ['POST', '/console/session', ADMINISTRATOR],
    ['DELETE', '/console/session', { allSessions: true }],
    ['POST', '/console/api/weir.admin.v1.AuthService/GetProfile', {}],
  ] as const;
  const HEADERS: readonly Sent['headers'][] = [
    { 'x-weir-console': undefined },
    { 'x-weir-console': '0' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:1' },
    { origin: 'http://localhost' },
  ];

  it.for(REQUESTS)('cannot send %s %s', async ([method, path, body], { node, cookie }) => {
    for (const headers of HEADERS) {
      const sent = { method, headers: { ...PAGE, cookie, ...headers }, body };
      const answer = await send(node.app.ports.http, path, sent);
      expect([headers, answer.status, answer.headers['set-cookie']]).toEqual([headers, 403, undefined]);
      expect(answer.text).not.toContain('evil.example');
    }
  });

  it('gets no permission from a preflight, not even if HTTP_CORS_ORIGINS allows all origins', async ({ startNode }) => {
    const open = await startNode({ HTTP_CORS_ORIGINS: '*' });
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
    for (const [, path] of REQUESTS) {
      const answer = await send(open.app.ports.http, path, { method: 'OPTIONS', headers });
      expect([path, answer.status]).toEqual([path, 405]);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  it('differs from a page of the console, which is answered', async ({ node, proxied, cookie }) => {
    const own = { 'sec-fetch-site': 'same-origin', origin: `http://localhost:${node.app.ports.http}` };
    expect((await getProfile(node, { ...own, cookie })).status).toBe(200);
    const https = { ...OVER_HTTPS, 'sec-fetch-site': 'same-origin', origin: 'https://weir.example.com' };
    expect((await getProfile(proxied, https)).status).toBe(401);
    expect((await getProfile(proxied, { ...https, origin: 'http://weir.example.com' })).status).toBe(403);
  });
});

describe('the cookie of a session', () => {
  it('is read over its own scheme only, under any name', async ({ node, proxied, cookie }) => {
    const secure = sealCookie('__Host-weir', openCookie(cookie));
    const renamed = `__Host-weir=${cookie.slice(cookie.indexOf('=') + 1)}`;
    await expect.poll(async () => (await getProfile(proxied, { ...OVER_HTTPS, cookie: secure })).status).toBe(200);
    for (const value of [cookie, renamed]) {
      expect((await getProfile(proxied, { ...OVER_HTTPS, cookie: value })).status).toBe(401);
    }
    const plain = `weir-${node.app.ports.http}=${secure.slice('__Host-weir='.length)}`;
    for (const value of [secure, plain]) expect((await getProfile(node, { cookie: value })).status).toBe(401);
  });

  it('is not read over plain http from elsewhere', async ({ node, cookie }) => {
    expect((await getProfile(node, { cookie, host: 'weir.example.com' })).status).toBe(401);
    expect((await getProfile(node, { cookie, 'x-forwarded-for': '203.0.113.9' })).status).toBe(401);
  });

  it('is worthless when it is repeated, changed, too long, or no session', async ({ node, cookie }) => {
    const [name = '', value = ''] = cookie.split('=');
    const changed = `${value.slice(0, -5)}${value.at(-5) === 'A' ? 'B' : 'A'}${value.slice(-4)}`;
    const { accessToken, refreshToken } = openCookie(cookie);
    const forged = [
      `${cookie}; ${cookie}`,
      `${name}=; ${cookie}`,
      `${cookie}; ${name}=other`,
      `${name}=${changed}`,
      `${name}=${value}A`,
      `${name}="${value}"`,
      `${name}=${'A'.repeat(5_000)}`,
      `${name}=v1.${'A'.repeat(1_000)}`,
      `${name}=${accessToken}`,
      `${name}=${refreshToken}`,
      `${name}=${Buffer.from(JSON.stringify(openCookie(cookie))).toString('base64url')}`,
      `${name}=__proto__`,
      name,
      `${name.toUpperCase()}=${value}`,
      `weir=${value}`,
      `weir-80=${value}`,
      `a=b${cookie}`,
    ];
    for (const header of forged)
      expect([header, (await getProfile(node, { cookie: header })).status]).toEqual([header, 401]);
    expect((await getProfile(node, { cookie: `other="; ${cookie}; last=1` })).status).toBe(200);
  });

  it('cannot be sealed for another content or purpose by what Weir stores', async ({ node }) => {
    const cookie = sealCookie(`weir-${node.app.ports.http}`, {
      accessToken: 'no token',
      refreshToken: '',
      usedAtMs: Number.NaN,
    });
    expect((await getProfile(node, { cookie })).status).toBe(401);
  });

  it('never brings a second cookie or header into the answer', async ({ node }) => {
    const name = `weir-${node.app.ports.http}`;
    const answer = await getProfile(node, { cookie: `${name}=a%0d%0aset-cookie:evil=1` });
    expect(answer.headers['set-cookie']).toEqual([`${name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`]);
    const port = await getProfile(node, { cookie: 'weir-1=a', host: 'localhost:1%0d%0aset-cookie:evil=1' });
    expect([port.status, port.headers['set-cookie']]).toEqual([401, undefined]);
  });

  it('with too many bytes is refused with all other headers', async ({ node }) => {
    expect((await getProfile(node, { cookie: `weir=${'a'.repeat(30_000)}` })).status).toBe(431);
  });
});
