import { connect } from 'node:net';
import { expect } from 'vitest';
import { test } from '../support/fixtures.ts';

/** Long enough for an answer; Envoy keeps most of these connections open. */
const READ_MS = 1_000;
const HOST = 'host: api.example.com\r\n';

const it = test.extend('key', { scope: 'file' }, async ({ node, administrator }) => {
  await node.createPlan(administrator, 'team', 1000);
  return node.createKey(administrator, 'team');
});

/** Requests that no HTTP library sends, with the key `KEY`. */
const REQUESTS: Readonly<Record<string, string>> = {
  'an absolute URL of another host': 'GET http://evil.example/orders HTTP/1.1\r\nhost: x\r\n\r\n',
  'two lengths and a second request in the body': `POST /healthz HTTP/1.1\r\n${HOST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /orders HTTP/1.1\r\n${HOST}\r\n`,
  'two different lengths': `POST /healthz HTTP/1.1\r\n${HOST}content-length: 0\r\ncontent-length: 40\r\n\r\nGET /orders HTTP/1.1\r\n${HOST}\r\n`,
  'an obscured transfer encoding': `POST /healthz HTTP/1.1\r\n${HOST}transfer-encoding: xchunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\nGET /orders HTTP/1.1\r\n${HOST}\r\n`,
  'a key in a folded header': `GET /orders HTTP/1.1\r\n${HOST}x-other: a\r\n x-api-key: KEY\r\n\r\n`,
  'a space before the colon': `GET /orders HTTP/1.1\r\n${HOST}x-api-key : KEY\r\n\r\n`,
  'a NUL after the key': `GET /orders HTTP/1.1\r\n${HOST}x-api-key: KEY\0\r\n\r\n`,
  'a tab after the scheme': `GET /orders HTTP/1.1\r\n${HOST}authorization: Bearer\tKEY\r\n\r\n`,
  'a key that `connection` removes': `GET /orders HTTP/1.1\r\n${HOST}x-api-key: KEY\r\nconnection: x-api-key\r\n\r\n`,
  'an upgrade without a key': `GET /orders HTTP/1.1\r\n${HOST}upgrade: websocket\r\nconnection: upgrade\r\n\r\n`,
  'an upgrade to HTTP/2 without a key': `GET /orders HTTP/1.1\r\n${HOST}upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABk\r\n\r\n`,
  'a tunnel through the proxy': 'CONNECT 127.0.0.1:8082 HTTP/1.1\r\nhost: 127.0.0.1:8082\r\n\r\n',
  'HTTP/1.0 without a host': 'GET /orders HTTP/1.0\r\n\r\n',
  'the path of another route in a header of Envoy': `GET /orders HTTP/1.1\r\n${HOST}x-envoy-original-path: /healthz\r\nx-original-url: /healthz\r\nx-rewrite-url: /healthz\r\n\r\n`,
  'another method in a header': `POST /orders HTTP/1.1\r\n${HOST}x-http-method-override: OPTIONS\r\norigin: https://evil.example\r\naccess-control-request-method: GET\r\ncontent-length: 0\r\n\r\n`,
};

/** Sends bytes to Envoy. Returns everything that it answers. */
function send(origin: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1').setEncoding('latin1');
    let received = '';
    socket.on('data', (part: string) => {
      received += part;
    });
    socket.on('error', () => {}); // Envoy may reset the connection
    socket.on('close', () => resolve(received));
    socket.write(text, 'latin1');
    setTimeout(() => socket.destroy(), READ_MS);
  });
}

it.for(Object.keys(REQUESTS))('%s does not bring a request past Check', async (name, { envoy, key }) => {
  const answer = await send(envoy, (REQUESTS[name] ?? '').replace('KEY', key.secret));
  expect(answer).not.toContain('"path": "/orders"');
  expect(answer).toMatch(/^HTTP\/1\.1 (?:4\d\d|200 OK[\s\S]*"path": "\/healthz")/);
});

it.for([
  ['in trailers', 'transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-weir-account: evil\r\nx-weir-plan: evil\r\n\r\n'],
  ['named in `connection`', 'content-length: 0\r\nconnection: x-weir-account, x-weir-plan, x-weir-key\r\n\r\n'],
] as const)('identity headers %s do not replace those of Weir', async ([, rest], { envoy, key }) => {
  const answer = await send(envoy, `POST /orders HTTP/1.1\r\n${HOST}x-api-key: ${key.secret}\r\n${rest}`);
  expect(answer).toContain('HTTP/1.1 200 OK');
  expect(answer).toContain('"x-weir-plan: team"');
  expect(answer.match(/"x-weir-/g)).toHaveLength(3);
  expect(answer).not.toContain('evil');
  expect(answer).not.toContain(key.secret);
});
