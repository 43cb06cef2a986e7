import { randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { EXT_AUTHZ_FILTER, setFilterField } from '../../demo/envoy-configuration.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

const MEGABYTE = 1_000_000;

const it = test
  /** Secret of a key without limits. */
  .extend('secret', { scope: 'file' }, async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'enterprise');
    return secret;
  });

describe.for([
  ['body', false],
  ['raw_body', true],
] as const)('a request body that Envoy sends to Weir as %s', ([, packAsBytes]) => {
  let origin: string;

  it.beforeAll(async ({ weir }) => {
    const settings = { max_request_bytes: MEGABYTE, allow_partial_message: true, pack_as_bytes: packAsBytes };
    origin = await weir.envoy(setFilterField(EXT_AUTHZ_FILTER, ['with_request_body'], settings));
  });

  it.for<[content: string, body: Buffer]>([
    ['text', Buffer.from('{"x-api-key": "wk_live_other"}')],
    ['a megabyte of text', Buffer.alloc(MEGABYTE, 'a')],
    ['a megabyte of random bytes', randomBytes(MEGABYTE)],
    ['more than max_request_bytes', Buffer.alloc(2 * MEGABYTE, 'b')],
  ])('does not affect the decision and reaches the upstream whole: %s', async ([, body], { secret }) => {
    const send = (headers: [string, string][]) =>
      sendThrough(origin, { method: 'POST', path: '/orders', headers, body });
    const allowed = await send([['x-api-key', secret]]);
    expect({ status: allowed.status, bodyLength: allowed.received?.bodyLength }).toEqual({
      status: 200,
      bodyLength: body.length,
    });
    const denied = await send([]);
    expect([denied.status, JSON.parse(denied.response.body).error.code]).toEqual([401, 'missing_credential']);
  });
});

describe('a request body that makes the CheckRequest larger than a gRPC message may be', () => {
  it('denies the request with 503, and later requests pass', async ({ weir, secret }) => {
    const settings = { max_request_bytes: 2 * MEGABYTE, pack_as_bytes: true };
    const origin = await weir.envoy(setFilterField(EXT_AUTHZ_FILTER, ['with_request_body'], settings));
    const send = (body: Buffer) =>
      sendThrough(origin, { method: 'POST', path: '/orders', headers: [['x-api-key', secret]], body });
    expect((await send(randomBytes(2 * MEGABYTE))).status).toBe(503);
    expect((await send(randomBytes(MEGABYTE))).status).toBe(200);
  });
});
