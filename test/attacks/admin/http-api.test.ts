import { once } from 'node:events';
import { type IncomingHttpHeaders, request as sendRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const ORIGIN = 'https://console.example.com';

const it = test
  .extend('open', { scope: 'file' }, ({ startNode }) =>
    startNode({ HTTP_CORS_ORIGINS: `${ORIGIN}, http://localhost:3000` }),
  )
  .extend('openToAll', { scope: 'file' }, ({ startNode }) => startNode({ HTTP_CORS_ORIGINS: '*' }));

const LOGIN = '/weir.admin.v1.AuthService/Login';
const JSON_TYPE = { 'content-type': 'application/json' };

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Uint8Array;
}

/** Sends a request with any headers: `fetch` forbids some. */
async function send(
  node: TestNode,
  path: string,
  { method = 'POST', headers = JSON_TYPE, body = '' }: Sent,
): Promise<Answer> {
  const request = sendRequest({ host: '127.0.0.1', port: node.app.ports.http, path, method, headers });
  request.on('error', () => {}); // the server closes the connection before it has read everything
  request.end(body);
  const [response] = await once(request, 'response');
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}

/** Fields of the google.rpc.BadRequest. */
function readFields({ text: body }: Answer): readonly string[] {
  const { details = [] }: { details?: { debug: { fieldViolations?: { field: string }[] } }[] } = JSON.parse(body);
  return details.flatMap(({ debug }) => debug.fieldViolations?.map(({ field }) => field) ?? []);
}

describe('a body of the admin API over HTTP', () => {
  it.for([
    ['that is no JSON', '{', 'request'],
    ['that is a list', '[]', 'request'],
    ['that is empty', '', 'request'],
    ['that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'request'],
    ['with an unknown field', '{"email":"a@example.com","passwrd":"wk_live_secret"}', 'passwrd'],
    ['with a number in place of a text', '{"email":"a@example.com","password":73313370}', 'password'],
    ['with an object in place of a text', '{"email":"a@example.com","password":{"wk_live_secret":1}}', 'password'],
    ['with a repeated field', '{"email":"a@example.com","email":"wk_live_secret","password":"b"}', 'request'],
    ['with a key of every object', '{"__proto__":{"email":"wk_live_secret"}}', '__proto__'],
    ['with a field that is nested a million times', `{"email":${'['.repeat(500)}${']'.repeat(500)}}`, 'email'],
    ['with half of a character', '{"email":"\\ud800","password":"wk_live_secret"}', 'email'],
  ] as const)(
    '%s is rejected, and the error names the field and repeats no value',
    async ([, body, field], { node }) => {
      const answer = await send(node, LOGIN, { body });
      expect(answer.status).toBe(400);
      expect(readFields(answer)).toEqual([field]);
      expect(answer.text).not.toMatch(/wk_live_secret|73313370/);
    },
  );

  it.for([
    [
      'a list of limits',
      { planId: 'x', plan: { limits: [{ name: 'a' }, { name: 'b', requests: 'many' }] } },
      'plan.limits[1].requests',
    ],
    ['an unknown field of a limit', { planId: 'x', plan: { limits: [{ nam: 'a' }] } }, 'plan.limits[0].nam'],
    [
      'a number that is too large',
      { planId: 'x', plan: { limits: [{ name: 'a', requests: 2 ** 40 }] } },
      'plan.limits[0].requests',
    ],
    ['a text in place of a message', { planId: 'x', plan: 'y' }, 'plan'],
  ] as const)('names the path of a fault in %s', async ([, request, field], { node, administrator }) => {
    const headers = { ...JSON_TYPE, ...administrator };
    const path = '/weir.admin.v1.PlanService/CreatePlan';
    const answer = await send(node, path, { headers, body: JSON.stringify(request) });
    expect([answer.status, readFields(answer)]).toEqual([400, [field]]);
  });

  it('that sets two fields which exclude each other is rejected, and the error names both', async ({
    node,
    administrator,
  }) => {
    const headers = { ...JSON_TYPE, ...administrator };
    const body = JSON.stringify({ subject: { account: 'accounts/a', apiKey: 'apiKeys/b' } });
    const answer = await send(node, '/weir.admin.v1.CounterService/GetCounter', { headers, body });
    expect([answer.status, readFields(answer)]).toEqual([400, ['subject']]);
    expect(JSON.parse(answer.text).message).toBe('subject: must have only one of api_key, account');
  });

  it('of any depth does not end the process', async ({ node, administrator }) => {
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    for (const body of [deep, `{"email":${deep}}`]) expect((await send(node, LOGIN, { body })).status).toBe(400);
    const path = '/weir.admin.v1.IssuerService/CreateIssuer';
    const issuer = `{"issuer":{"requiredClaims":{"a":${deep}}}}`;
    const answer = await send(node, path, { headers: { ...JSON_TYPE, ...administrator }, body: issuer });
    expect(answer.status).toBe(400);
    expect((await node.fetch('/healthz')).status).toBe(200);
  });

  it('is as large as one of gRPC: 68 KiB without a known caller, 1 MiB with one', async ({ node }) => {
    const bodies = { [LOGIN]: 69 * 1024, '/weir.admin.v1.PlanService/CreatePlan': 1024 * 1024 + 100 };
    for (const [path, bytes] of Object.entries(bodies)) {
      const body = JSON.stringify({ email: 'a'.repeat(bytes) });
      const answer = await send(node, path, { body });
      expect([answer.status, JSON.parse(answer.text).code]).toEqual([413, 'resource_exhausted']);
      const chunked = { ...JSON_TYPE, 'transfer-encoding': 'chunked' };
      expect((await send(node, path, { headers: chunked, body })).status).toBe(413);
    }
    expect((await send(node, LOGIN, { body: JSON.stringify({ email: 'a'.repeat(60 * 1024) }) })).status).toBe(400);
  });

  it('that is compressed is refused, and never inflated', async ({ node }) => {
    const bomb = gzipSync(Buffer.alloc(30 * 1024 * 1024));
    const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
    const envelope = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), bomb]);
    envelope.writeUInt32BE(bomb.length, 1);
    const web = { 'content-type': 'application/grpc-web+proto', 'grpc-encoding': 'gzip' };
    for (const sent of [
      { headers, body: bomb },
      { headers: web, body: envelope },
    ]) {
      const answer = await send(node, LOGIN, sent);
      expect([answer.status, JSON.parse(answer.text).code]).toEqual([415, 'unimplemented']);
    }
    const unannounced = await send(node, LOGIN, { headers: { 'content-type': web['content-type'] }, body: envelope });
    expect(unannounced.text).toMatch(/grpc-status: (3|13)/);
  });

  it('has a bounded number of values, before anything else is done', async ({ node }) => {
    const headers = { ...JSON_TYPE, authorization: 'Bearer made.up.token' };
    for (const body of [`{"plan":{"limits":[${'{},'.repeat(340_000)}{}]}}`, `{${'"a":1,'.repeat(40_000)}"b":1}`]) {
      const answer = await send(node, '/weir.admin.v1.PlanService/CreatePlan', { headers, body });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.text).message).toBe('request: must have at most 32768 values');
    }
  });

  it('has a content type that no form of a web page can send', async ({ node }) => {
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/connect+json',
    ];
    const headers = [...types, 'application/grpc-web-text', 'application/grpc', 'text/plain; application/json'];
    for (const contentType of headers) {
      const answer = await send(node, LOGIN, { headers: { 'content-type': contentType }, body: '{}' });
      expect([contentType, answer.status]).toEqual([contentType, 415]);
      expect(JSON.parse(answer.text).message).toContain('content-type: must be one of application/json');
    }
    expect((await send(node, LOGIN, { headers: {}, body: '{}' })).status).toBe(415);
  });

  it('that gRPC-Web does not frame rightly is an error', async ({ node }) => {
    const headers = { 'content-type': 'application/grpc-web+proto' };
    for (const bytes of [
      [],
      [0],
      [0, 0, 0, 0, 9, 1],
      [0, 255, 255, 255, 255],
      [0, 0, 0, 0, 2, 255, 255],
      [128, 0, 0, 0, 0],
    ]) {
      const answer = await send(node, LOGIN, { headers, body: Buffer.from(bytes) });
      expect(answer.status).toBe(200);
      expect(answer.text).toMatch(/grpc-status: (3|8|12|13)/);
    }
  });
});

describe('a call over HTTP', () => {
  it.for([
    'application/json; charset="utf-8"',
    'application/json;  charset=utf-8',
    'application/json; charset=utf-16',
    'application/json; profile=a',
    'application/json;',
  ])('with the content type %s is one with JSON in UTF-8', async (contentType, { node }) => {
    const answer = await send(node, LOGIN, { headers: { 'content-type': contentType }, body: '{"email":1}' });
    expect([answer.status, readFields(answer)]).toEqual([400, ['email']]);
  });

  it.for(['2147483648', '9999999999'])('waits for %s ms, which no timer can take', async (timeout, { node }) => {
    const headers = { ...JSON_TYPE, 'connect-timeout-ms': timeout };
    const answer = await send(node, LOGIN, { headers, body: '{"email":1}' });
    expect([answer.status, readFields(answer)]).toEqual([400, ['email']]);
  });

  it('of gRPC-Web waits for 99,999,999 hours, which no timer can take', async ({ node }) => {
    const headers = { 'content-type': 'application/grpc-web+proto', 'grpc-timeout': '99999999H' };
    const answer = await send(node, LOGIN, { headers, body: Buffer.alloc(5) });
    expect(answer.text).toContain('grpc-status: 3');
    expect(decodeURIComponent(answer.text)).toContain('email: ');
  });
});

it('Several access tokens in a call are none, in whatever order: a proxy may read another one than Weir', async ({
  node,
}) => {
  const { authorization = '' } = await node.signIn();
  const profile = (value: string | string[]) =>
    send(node, '/weir.admin.v1.AuthService/GetProfile', {
      headers: { ...JSON_TYPE, authorization: value },
      body: '{}',
    });
  expect((await profile(authorization)).status).toBe(200);
  for (const repeated of [
    [authorization, authorization],
    [authorization, 'Bearer x'],
    ['Basic YTpi', authorization],
  ]) {
    const answer = await profile(repeated);
    expect([answer.status, answer.text]).toEqual([401, expect.stringContaining('TOKEN_INVALID')]);
  }
});

it('Headers of the HTTP port have a bound above the size of a token', async ({ node }) => {
  const withHeader = (bytes: number) =>
    send(node, LOGIN, { headers: { ...JSON_TYPE, authorization: `Bearer ${'a'.repeat(bytes)}` }, body: '{}' });
  expect((await withHeader(20 * 1024)).status).toBe(400); // of the empty request
  expect((await withHeader(40 * 1024)).status).toBe(431);
});

describe('a page of another origin', () => {
  const PREFLIGHT = {
    origin: 'https://evil.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type',
  };
  const corsHeaders = ({ headers }: Answer) =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control')));

  it('may not call by default', async ({ node }) => {
    const preflight = await send(node, LOGIN, { method: 'OPTIONS', headers: PREFLIGHT });
    expect([preflight.status, corsHeaders(preflight)]).toEqual([405, {}]);
    const call = await send(node, LOGIN, { headers: { ...JSON_TYPE, origin: PREFLIGHT.origin }, body: '{}' });
    expect(corsHeaders(call)).toEqual({});
  });

  it('may call if it is allowed, without credentials, and others still may not', async ({ open }) => {
    const allowed = await send(open, LOGIN, { method: 'OPTIONS', headers: { ...PREFLIGHT, origin: ORIGIN } });
    expect([allowed.status, allowed.headers.vary]).toEqual([204, 'origin']);
    expect(corsHeaders(allowed)).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': expect.stringContaining('authorization'),
    });
    const call = await send(open, LOGIN, { headers: { ...JSON_TYPE, origin: ORIGIN }, body: '{}' });
    expect(corsHeaders(call)).toMatchObject({ 'access-control-allow-origin': ORIGIN });
    const similar = [
      'https://evil.example',
      'null',
      `${ORIGIN}.evil.example`,
      'http://console.example.com',
      `${ORIGIN}:8443`,
    ];
    for (const origin of similar) {
      const preflight = await send(open, LOGIN, { method: 'OPTIONS', headers: { ...PREFLIGHT, origin } });
      expect([origin, preflight.status, corsHeaders(preflight)]).toEqual([origin, 405, {}]);
    }
  });

  it('never sends credentials, not even if all origins are allowed', async ({ openToAll, open }) => {
    for (const node of [openToAll, open]) {
      const answer = await send(node, LOGIN, { method: 'OPTIONS', headers: { ...PREFLIGHT, origin: ORIGIN } });
      expect(answer.status).toBe(204);
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
    }
    const any = await send(openToAll, LOGIN, { method: 'OPTIONS', headers: PREFLIGHT });
    expect(corsHeaders(any)).toMatchObject({ 'access-control-allow-origin': '*' });
  });
});
