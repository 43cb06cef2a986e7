import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXT_AUTHZ, ofFilter } from '../../demo/envoy.ts';
import { WeirBehindEnvoy, sendThrough } from '../support/weir-behind-envoy.ts';
import { newDatabase } from '../support/databases.ts';
import type { Headers } from '../support/grpc-client.ts';

const MEGABYTE = 1_000_000;

let weir: WeirBehindEnvoy;
let administrator: Headers;

beforeAll(async () => {
  weir = await WeirBehindEnvoy.start({ DATABASE_URL: await newDatabase() });
  administrator = await weir.node.signIn();
}, 600_000);
afterAll(() => weir?.stop());

describe.for([
  ['body', false],
  ['raw_body', true],
] as const)('with_request_body, sent as %s by a real Envoy', ([, packAsBytes]) => {
  let origin: string;

  beforeAll(async () => {
    const settings = { max_request_bytes: MEGABYTE, allow_partial_message: true, pack_as_bytes: packAsBytes };
    origin = await weir.envoy(ofFilter(EXT_AUTHZ, ['with_request_body'], settings));
  });

  it.each([
    ['a text', Buffer.from('{"x-api-key": "wk_live_other"}')],
    ['a megabyte of text', Buffer.alloc(MEGABYTE, 'a')],
    ['a megabyte that is no text', randomBytes(MEGABYTE)],
    ['more than Envoy sends along', Buffer.alloc(2 * MEGABYTE, 'b')],
  ])('is ignored: %s', async (_, body) => {
    const { secret } = await weir.node.createKey(administrator, 'enterprise');
    const ask = (headers: [string, string][]) => sendThrough(origin, { method: 'POST', path: '/orders', headers, body });
    const allowed = await ask([['x-api-key', secret]]);
    expect({ status: allowed.status, bodyLength: allowed.received?.bodyLength }).toEqual({
      status: 200,
      bodyLength: body.length,
    });
    const refused = await ask([]);
    expect([refused.status, JSON.parse(refused.answer.body).error.code]).toEqual([401, 'missing_credential']);
  });
});

it('a body beyond what a message may have is refused, and lets nobody in', async () => {
  const settings = { max_request_bytes: 2 * MEGABYTE, pack_as_bytes: true };
  const origin = await weir.envoy(ofFilter(EXT_AUTHZ, ['with_request_body'], settings));
  const { secret } = await weir.node.createKey(administrator, 'enterprise');
  const ask = (body: Buffer) =>
    sendThrough(origin, { method: 'POST', path: '/orders', headers: [['x-api-key', secret]], body });
  expect((await ask(randomBytes(2 * MEGABYTE))).status).toBe(503);
  expect((await ask(randomBytes(MEGABYTE))).status).toBe(200);
});
