import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { returnsTokens } from '../../../src/http/console/console-calls.ts';
import { listApiMethods, toPath } from '../../admin/http/api-methods.ts';
import { test } from '../../support/fixtures.ts';
import { ADMINISTRATOR, type TestNode } from '../../support/node.ts';
import {
  type Answer,
  OVER_HTTPS,
  openCookie,
  PAGE,
  readSetCookie,
  type Sent,
  sealCookie,
  send,
  unsignedToken,
} from './console-client.ts';

const lines: string[] = [];
const it = test
  .override('log', pino({ level: 'trace' }, { write: (line) => void lines.push(line) }))
  .extend('proxied', { scope: 'file' }, ({ startNode }) => startNode({ TRUSTED_PROXIES: '127.0.0.1/32' }));

const cookieName = ({ app }: TestNode) => `weir-${app.ports.http}`;
const readName = (cookie: string) => cookie.split('=')[0] ?? '';
const deleted = (node: TestNode) => `${cookieName(node)}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;

const post = ({ app }: TestNode, path: string, sent: Sent) =>
  send(app.ports.http, path, { method: 'POST', ...sent, headers: { ...PAGE, ...sent.headers } });
const signIn = (node: TestNode, headers: Sent['headers'] = {}, body: object = ADMINISTRATOR) =>
  post(node, '/console/session', { headers, body });
const signOut = ({ app }: TestNode, cookie: string | undefined, body?: object) =>
  send(app.ports.http, '/console/session', { method: 'DELETE', headers: { ...PAGE, cookie }, ...(body && { body }) });
const call = (node: TestNode, method: string, cookie: string | undefined, headers: Sent['headers'] = {}) =>
  post(node, `/console/api/weir.admin.v1.${method}`, { headers: { cookie, ...headers }, body: {} });
const getProfile = (node: TestNode, cookie: string | undefined, headers: Sent['headers'] = {}) =>
  call(node, 'AuthService/GetProfile', cookie, headers);
const readReasons = ({ text }: Answer): readonly string[] =>
  (JSON.parse(text).details ?? []).map(({ debug }: { debug: { reason: string } }) => debug.reason);

describe('signing in to the console', () => {
  it('sets a cookie that no script reads, and answers without tokens', async ({ node }) => {
    const answer = await signIn(node);
    expect([answer.status, answer.text, answer.headers['cache-control']]).toEqual([200, '{}', 'no-store']);
    expect(answer.headers['set-cookie']?.[0]).toMatch(
      /^weir-\d+=v1\.[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=1800$/,
    );
    const { accessToken, refreshToken } = openCookie(readSetCookie(answer));
    expect(JSON.stringify(answer.headers)).not.toContain(accessToken);
    expect(JSON.stringify(answer.headers)).not.toContain(refreshToken);
  });

  it('over https sets a cookie that only this host gets, and only over https', async ({ proxied }) => {
    const answer = await signIn(proxied, OVER_HTTPS);
    expect(answer.headers['set-cookie']?.[0]).toMatch(
      /^__Host-weir=v1\.[\w-]+; Path=\/; HttpOnly; Secure; SameSite=Strict; Max-Age=1800$/,
    );
    const cookie = readSetCookie(answer);
    // A fresh node may take more than a second for its first verification of a token, and then answers 503.
    await expect.poll(async () => (await getProfile(proxied, cookie, OVER_HTTPS)).status).toBe(200);
  });

  it('fails as Login does, with the address of the client in the log, and sets no cookie', async ({ proxied }) => {
    lines.length = 0;
    const answer = await signIn(proxied, OVER_HTTPS, { ...ADMINISTRATOR, password: 'wrong password' });
    expect([answer.status, answer.headers['set-cookie']]).toEqual([401, undefined]);
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'unauthenticated' });
    expect(readReasons(answer)).toEqual(['CREDENTIALS_INVALID']);
    expect(lines.some((line) => line.includes('sign-in failed') && line.includes('"peer":"203.0.113.9"'))).toBe(true);
    const malformed = await signIn(proxied, OVER_HTTPS, { email: 1 });
    expect([malformed.status, JSON.parse(malformed.text).code]).toEqual([400, 'invalid_argument']);
  });

  it.for([
    ['of another machine by its name', { host: 'weir.example.com' }],
    ['of another machine by its address', { host: '192.0.2.1:8080' }],
    ['through a proxy that is not trusted', { 'x-forwarded-for': '203.0.113.9' }],
    ['through a proxy that is not trusted and claims https', { 'x-forwarded-proto': 'https' }],
  ] as const)('over plain http %s is refused with what to do', async ([, headers], { node }) => {
    const answer = await signIn(node, headers);
    expect([answer.status, answer.headers['set-cookie']]).toEqual([403, undefined]);
    expect(JSON.parse(answer.text).message).toMatch(/HTTP_TLS_CERT_FILE.*TRUSTED_PROXIES/);
  });

  it.for([
    ['a client elsewhere', { 'x-forwarded-for': '203.0.113.9' }],
    ['a client that speaks http', { ...OVER_HTTPS, 'x-forwarded-proto': 'http' }],
    ['a client that claims https', { ...OVER_HTTPS, 'x-forwarded-proto': 'https, http' }],
  ] as const)('through a trusted proxy is refused for %s', async ([, headers], { proxied }) => {
    expect((await signIn(proxied, headers)).status).toBe(403);
  });
});

describe('a page that has just been opened', () => {
  it('learns whether there is a session', async ({ node }) => {
    const ask = (cookie: string | undefined) =>
      send(node.app.ports.http, '/console/session', { headers: { ...PAGE, cookie } });
    expect((await ask(undefined)).text).toBe('{"signedIn":false}');
    expect((await ask(`${cookieName(node)}=v1.made-up`)).text).toBe('{"signedIn":false}');
    expect((await ask(readSetCookie(await signIn(node)))).text).toBe('{"signedIn":true}');
  });
});

describe('a call of a page', () => {
  it('is answered as the same call with the access token of the session', async ({ node }) => {
    const cookie = readSetCookie(await signIn(node));
    const answer = await getProfile(node, cookie, { 'x-request-id': 'of-the-page' });
    expect([answer.status, JSON.parse(answer.text).email]).toEqual([200, ADMINISTRATOR.email]);
    const plan = await post(node, '/console/api/weir.admin.v1.PlanService/GetPlan', {
      headers: { cookie },
      body: { name: 'plans/nothing' },
    });
    expect([plan.status, JSON.parse(plan.text).code]).toEqual([404, 'not_found']);
  });

  it('takes the session from the cookie, and from no other header', async ({ node, administrator }) => {
    const answer = await getProfile(node, undefined, { authorization: administrator.authorization });
    expect([answer.status, readReasons(answer)]).toEqual([401, ['TOKEN_MISSING']]);
  });

  it('cannot be one whose response has the tokens of a session', async ({ node }) => {
    const hasTokens = listApiMethods().filter(({ output }) =>
      output.fields.some(({ name }) => name === 'refresh_token'),
    );
    expect(hasTokens.map(toPath).every(returnsTokens)).toBe(true);
    expect(hasTokens).toHaveLength(3);
    const cookie = readSetCookie(await signIn(node));
    for (const method of hasTokens) {
      const answer = await post(node, `/console/api${toPath(method)}`, { headers: { cookie }, body: ADMINISTRATOR });
      expect([method.name, answer.status]).toEqual([method.name, 403]);
    }
  });

  it('must be a POST of JSON to a method', async ({ node }) => {
    const cookie = readSetCookie(await signIn(node));
    expect((await getProfile(node, cookie, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await getProfile(node, cookie, { 'content-type': 'application/proto' })).status).toBe(415);
    expect((await call(node, 'AuthService/None', cookie)).status).toBe(404);
    const get = await send(node.app.ports.http, '/console/api/weir.admin.v1.AuthService/GetProfile', {
      headers: { ...PAGE, cookie },
    });
    expect([get.status, get.headers.allow]).toEqual([405, 'POST']);
  });

  it('keeps the session when only a password in it is wrong', async ({ node }) => {
    const cookie = readSetCookie(await signIn(node));
    const answer = await post(node, '/console/api/weir.admin.v1.AuthService/EnrollTotp', {
      headers: { cookie },
      body: { password: 'wrong password' },
    });
    expect([answer.status, answer.headers['set-cookie']]).toEqual([401, undefined]);
    expect((await getProfile(node, cookie)).status).toBe(200);
  });
});

describe('signing out of the console', () => {
  it('ends the session and deletes the cookie', async ({ node }) => {
    const cookie = readSetCookie(await signIn(node));
    const answer = await signOut(node, cookie);
    expect([answer.status, answer.headers['set-cookie']]).toEqual([204, [deleted(node)]]);
    await expect.poll(async () => (await getProfile(node, cookie)).status).toBe(401);
    const ended = await getProfile(node, cookie);
    expect([ended.status, ended.headers['set-cookie']]).toEqual([401, [deleted(node)]]);
    expect((await signOut(node, cookie)).status).toBe(204);
  });

  it('ends all sessions of the account if the page says so', async ({ node }) => {
    const [first, second] = [readSetCookie(await signIn(node)), readSetCookie(await signIn(node))];
    expect((await signOut(node, first, { allSessions: true })).status).toBe(204);
    await expect.poll(async () => (await getProfile(node, second)).status).toBe(401);
  });

  it('without a session does nothing', async ({ node }) => {
    expect((await signOut(node, undefined)).status).toBe(204);
    expect((await signOut(node, `${cookieName(node)}=garbage`)).status).toBe(204);
    expect((await signOut(node, undefined, { everything: true })).status).toBe(400);
  });
});

describe('the session of the console', () => {
  /** A cookie whose access token soon expires. */
  const expiring = (cookie: string, usedAtMs = Date.now()) =>
    sealCookie(readName(cookie), { ...openCookie(cookie), accessToken: unsignedToken(-880, 20), usedAtMs });

  it('is renewed before its access token expires, also by parallel calls with the old cookie', async ({ node }) => {
    const old = expiring(readSetCookie(await signIn(node)));
    const answers = await Promise.all(Array.from({ length: 8 }, () => getProfile(node, old)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const tokens = new Set(answers.map((answer) => openCookie(readSetCookie(answer)).refreshToken));
    expect(tokens.size).toBe(1);
    expect(tokens).not.toContain(openCookie(old).refreshToken);
    const late = await getProfile(node, old);
    expect(late.status).toBe(200);
    expect((await getProfile(node, readSetCookie(late))).status).toBe(200);
  });

  it('works on every node with the same secret', async ({ node, startNode }) => {
    const other = await startNode();
    const address = { host: 'localhost' }; // that of the balancer in front of them
    const cookie = readSetCookie(await signIn(node, address));
    await expect.poll(async () => (await getProfile(other, cookie, address)).status).toBe(200);
    const old = expiring(cookie);
    const answers = await Promise.all([node, other, node, other].map((each) => getProfile(each, old, address)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it('is another one on another port of this machine, so that signing in to both ends neither', async ({
    node,
    startNode,
  }) => {
    const other = await startNode();
    const jar = [readSetCookie(await signIn(node)), readSetCookie(await signIn(other))].join('; ');
    for (const each of [node, other]) {
      await expect.poll(async () => (await getProfile(each, jar)).status).toBe(200);
    }
    const answer = await signOut(node, jar);
    expect(answer.headers['set-cookie']).toEqual([deleted(node)]);
    expect((await getProfile(other, jar)).status).toBe(200);
  });

  it('ends when its refresh token does not work any more', async ({ node }) => {
    const cookie = readSetCookie(await signIn(node));
    const { refreshToken } = openCookie(cookie);
    await node.admin.call(AuthServiceService.logout, { refreshToken, allSessions: false });
    const answer = await getProfile(node, expiring(cookie));
    expect([answer.status, readReasons(answer), answer.headers['set-cookie']]).toEqual([
      401,
      ['TOKEN_MISSING'],
      [deleted(node)],
    ]);
  });

  const MINUTE_MS = 60_000;
  const used = (cookie: string, minutesAgo: number) =>
    sealCookie(readName(cookie), { ...openCookie(cookie), usedAtMs: Date.now() - minutesAgo * MINUTE_MS });

  it('ends 30 minutes after the last call that its user caused, whatever the browser keeps', async ({ node }) => {
    const cookie = readSetCookie(await signIn(node));
    const ended = await getProfile(node, used(cookie, 30));
    expect([ended.status, ended.headers['set-cookie']]).toEqual([401, [deleted(node)]]);
    const extended = await getProfile(node, used(cookie, 29));
    expect(extended.status).toBe(200);
    expect(openCookie(readSetCookie(extended)).usedAtMs).toBeGreaterThan(Date.now() - MINUTE_MS);
  });

  it('is not extended by polls, not even when they renew it', async ({ node }) => {
    const cookie = readSetCookie(await signIn(node));
    const poll = { 'x-weir-poll': '1' };
    const kept = await getProfile(node, used(cookie, 20), poll);
    expect([kept.status, kept.headers['set-cookie']]).toEqual([200, undefined]);
    const usedAtMs = Date.now() - 20 * MINUTE_MS;
    const renewed = await getProfile(node, expiring(cookie, usedAtMs), poll);
    expect(openCookie(readSetCookie(renewed)).usedAtMs).toBe(usedAtMs);
    expect(renewed.headers['set-cookie']?.[0]).toMatch(/Max-Age=(?:600|59\d)$/);
  });
});

describe('a node', () => {
  it.for([{ CONSOLE: 'off' }, { HTTP_API: 'off' }, { WEIR_ROLE: 'decision', REDIS_URL: '' }])(
    'with %o has no console',
    async (environment, { startNode }) => {
      const node = await startNode(environment);
      for (const path of ['/console', '/console/']) expect((await node.fetch(path)).status).toBe(404);
      expect((await signIn(node)).text).toBe('not found\n');
    },
  );
});

it('no token of a session is ever in a log', () => {
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.filter((line) => /eyJ|v1\.[\w-]{100}|wr_/.test(line))).toEqual([]);
});
