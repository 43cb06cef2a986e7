import { once } from 'node:events';
import { request as sendRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { test as it } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

interface Answer {
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** Creates the body of a request that charges a key by its id. */
function createBody(key: string, hitsAddend = 1): string {
  return JSON.stringify({ domain: 'plans', descriptors: [{ entries: [{ key: 'api_key', value: key }], hitsAddend }] });
}

/** Sends a request with any headers: `fetch` forbids some. */
async function send(node: TestNode, headers: Record<string, string>, body: string, method = 'POST'): Promise<Answer> {
  const request = sendRequest({ host: '127.0.0.1', port: node.app.ports.json, path: '/json', method, headers });
  request.end(body);
  const [response] = await once(request, 'response');
  const answer = JSON.parse(await text(response));
  return { status: response.statusCode, code: answer.error?.code, headers: response.headers };
}

describe('a web page that reaches /json', () => {
  it.for([
    ['a simple POST of another site', { 'content-type': 'text/plain', origin: 'https://evil.example' }, 403],
    ['the same by a browser that hides the site', { 'content-type': 'text/plain', origin: 'null' }, 403],
    ['JSON of another site', { ...JSON_TYPE, origin: 'https://evil.example' }, 403],
    ['JSON with an empty origin', { ...JSON_TYPE, origin: '' }, 403],
    ['a form without an origin', { 'content-type': 'text/plain' }, 415],
    ['text that claims to be JSON as well', { 'content-type': 'text/plain; application/json' }, 415],
    ['two content types', { 'content-type': 'application/json, text/plain' }, 415],
    ['another type of JSON', { 'content-type': 'application/jsonp' }, 415],
    ['no content type', {}, 415],
    [
      'a page of its own origin by DNS rebinding',
      { ...JSON_TYPE, host: 'evil.example', origin: 'http://evil.example' },
      403,
    ],
    ['DNS rebinding', { ...JSON_TYPE, host: 'evil.example:8085' }, 403],
    ['a name that looks local', { ...JSON_TYPE, host: 'localhost.evil.example' }, 403],
    ['a name that looks like an address', { ...JSON_TYPE, host: '127.0.0.1.evil.example' }, 403],
    ['a name that looks like a service', { ...JSON_TYPE, host: 'weir.ns.svc.evil.example' }, 403],
    ['a name after a user', { ...JSON_TYPE, host: 'localhost@evil.example' }, 403],
    ['a page of this machine', { ...JSON_TYPE, 'sec-fetch-site': 'same-origin' }, 403],
  ] as const)('does not charge a key: %s', async ([, headers, status], { node, administrator }) => {
    const planId = `plan-${crypto.randomUUID()}`;
    await node.createPlan(administrator, planId, 5);
    const { name } = await node.createKey(administrator, planId);
    const id = name.slice('apiKeys/'.length);
    const answer = await send(node, headers, createBody(id, 5));
    expect(answer.status).toBe(status);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    expect((await send(node, JSON_TYPE, createBody(id, 5))).status).toBe(200); // nothing of the 5 a minute is used
  });

  it('gets no permission by a preflight', async ({ node }) => {
    const preflight = {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };
    const { status, headers } = await send(node, preflight, '', 'OPTIONS');
    expect(status).toBe(403);
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.for([
    '127.0.0.1:8085',
    '10.1.2.3',
    '[::1]:8085',
    '[fd00::1]',
    'localhost',
    'LOCALHOST:8085',
    'weir:8085',
    'weir.ns.svc:8085',
    'weir.ns.svc.cluster.local:8085',
    'weir.ns.svc.cluster.local.:8085',
    'weir.internal',
  ])('does not keep others from the host %s', async (host, { node }) => {
    expect((await send(node, { ...JSON_TYPE, host }, '{}')).code).toBe('invalid_request');
  });
});

/** Opens connections whose request never ends. */
async function openSlowly(node: TestNode, count: number, headers: string, start: string): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(node.app.ports.json ?? 0, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) {
    socket.on('error', () => {}).resume();
    socket.write(
      `POST /json HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${headers}\r\n\r\n${start}`,
    );
  }
  return sockets;
}

const CHUNKED = 'transfer-encoding: chunked';

describe('slow requests to /json', () => {
  it.for([
    ['a body with one byte so far', 64, 'content-length: 10', '{'],
    ['a body in chunks', 300, CHUNKED, '1\r\n{\r\n'],
    ['a header that goes on', 300, 'x-slow: 1\r\nx-slower', ''],
    ['a body that lacks its last byte', 200, 'content-length: 200000', ' '.repeat(199_999)],
    ['a body in chunks that lacks its end', 200, CHUNKED, `30d40\r\n${' '.repeat(200_000)}\r\n`],
  ] as const)('do not shut others out: %s', async ([, count, headers, start], { node }) => {
    const slow = await openSlowly(node, count, headers, start);
    try {
      for (let call = 0; call < 100; call++) {
        expect((await send(node, JSON_TYPE, createBody('unknown'))).status).toBe(429);
      }
    } finally {
      for (const socket of slow) socket.destroy();
    }
  });

  it('end with a status after 5 seconds', async ({ node }) => {
    const [slow] = await openSlowly(node, 1, 'content-length: 10', '{');
    if (slow === undefined) expect.fail('no socket');
    const dripping = setInterval(() => slow.write(' '), 1_000);
    const startedAt = performance.now();
    const answer = await text(slow);
    clearInterval(dripping);
    expect(answer).toMatch(/^HTTP\/1.1 408 .*"code":"timeout"/s);
    expect(performance.now() - startedAt).toBeLessThan(8_000);
  });

  it('hold at most 16 MiB of one client: the oldest make room', async ({ node }) => {
    const bytes = 200_000;
    const answers: string[] = [];
    const slow = await openSlowly(node, 200, `content-length: ${bytes}`, ' '.repeat(bytes - 1));
    for (const socket of slow) socket.on('data', (data: Buffer) => answers.push(data.toString()));
    const fitting = Math.floor((16 * 1024 * 1024) / (bytes - 1));
    await expect.poll(() => answers.length, { timeout: 4_000 }).toBeGreaterThanOrEqual(slow.length - fitting);
    for (const socket of slow) socket.destroy();
    expect(answers.filter((answer) => /^HTTP\/1.1 503 .*"code":"busy"/s.test(answer)).length).toBe(answers.length);
  });

  it('that leave do not keep their room', async ({ node }) => {
    for (let round = 0; round < 3; round++) {
      const slow = await openSlowly(node, 200, 'content-length: 200000', ' '.repeat(100_000));
      for (const socket of slow) socket.destroy();
      expect((await send(node, JSON_TYPE, createBody('unknown'))).status).toBe(429);
    }
  });
});

describe('a large body of /json', () => {
  const entries = (count: number) => `[${Array(count).fill('{"key":"a","value":"b"}').join()}]`;
  it.for([
    ['a long value', createBody('x'.repeat(868_000)), 413],
    ['a long value within the size of a body', createBody('x'.repeat(200_000)), 400],
    ['many descriptors', `{"domain":"plans","descriptors":[${Array(50_000).fill('{}').join()}]}`, 400],
    ['many entries', `{"domain":"plans","descriptors":[{"entries":${entries(10_000)}}]}`, 400],
    ['a long domain', JSON.stringify({ domain: 'x'.repeat(200_000) }), 400],
    ['a long name', JSON.stringify({ ['x'.repeat(200_000)]: 1 }), 400],
    ['nesting', '{"domain":'.repeat(20_000), 400],
    ['a number', `{"domain":"plans","hitsAddend":${'9'.repeat(200_000)}}`, 400],
  ] as const)('is refused before it reaches the process that decides: %s', async ([, body, status], { node }) => {
    expect((await send(node, JSON_TYPE, body)).status).toBe(status);
  });

  it('is refused at its first byte if it says how large it is', async ({ node }) => {
    const [socket] = await openSlowly(node, 1, 'content-length: 868000', '{');
    if (socket === undefined) expect.fail('no socket');
    expect(await text(socket)).toMatch(/^HTTP\/1.1 413 /);
  });
});
