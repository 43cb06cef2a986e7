import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askOverHttp1 } from '../../demo/client.ts';
import { contextExtensions } from '../../demo/envoy.ts';
import { ErrorInfo, RetryInfo } from '../../src/generated/google/rpc/error_details.ts';
import { Status } from '../../src/generated/google/rpc/status.ts';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { WeirBehindEnvoy } from '../support/weir-behind-envoy.ts';
import { newDatabase } from '../support/databases.ts';
import type { Headers } from '../support/grpc-client.ts';

let weir: WeirBehindEnvoy;
let origin: string;
let administrator: Headers;

beforeAll(async () => {
  weir = await WeirBehindEnvoy.start({ DATABASE_URL: await newDatabase() });
  origin = await weir.envoy();
  administrator = await weir.node.signIn();
  await weir.node.createPlan(administrator, 'two', 2);
}, 600_000);
afterAll(() => weir?.stop());

/** Calls a method of the upstream, which knows none: what is let in fails too, as UNIMPLEMENTED. */
function call(headers: Headers, path = '/shop.Orders/List', at = origin): Promise<ServiceError> {
  const client = new Client(new URL(at).host, credentials.createInsecure());
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const bytes = (text: Buffer) => text;
  const options = { deadline: Date.now() + 10_000 };
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(3), metadata, options, (error) => {
      client.close();
      if (error !== null) resolve(error);
    });
  });
}

function detailsOf({ metadata }: ServiceError) {
  const [bytes] = metadata.get('grpc-status-details-bin');
  const told = Status.decode(bytes as Buffer); // what ends in -bin is a Buffer
  const [info, retry] = told.details;
  return {
    code: told.code,
    message: told.message,
    info: ErrorInfo.decode(info?.value ?? new Uint8Array()),
    retry: retry && RetryInfo.decode(retry.value).retryDelay?.seconds,
  };
}

describe('a gRPC client behind a real Envoy is told in gRPC', () => {
  it('that there is no key, or a wrong one: UNAUTHENTICATED', async () => {
    const error = await call({ 'x-request-id': 'request-7' });
    expect(error).toMatchObject({ code: status.UNAUTHENTICATED, details: expect.stringContaining('x-api-key') });
    expect(error.metadata.get('www-authenticate')).toEqual(['Bearer realm="api"']);
    expect(detailsOf(error)).toMatchObject({
      code: status.UNAUTHENTICATED,
      message: error.details,
      info: { reason: 'MISSING_CREDENTIAL', domain: 'weir', metadata: { request_id: expect.any(String) } },
    });
    const wrong = await call({ 'x-api-key': 'wk_live_wrong' });
    expect([wrong.code, detailsOf(wrong).info.reason]).toEqual([status.UNAUTHENTICATED, 'MALFORMED_CREDENTIAL']);
  });

  it('that the key is disabled: PERMISSION_DENIED', async () => {
    const { name, secret } = await weir.node.createKey(administrator, 'two');
    const request = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
    await weir.node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
    const error = await call({ 'x-api-key': secret });
    expect(error).toMatchObject({ code: status.PERMISSION_DENIED, details: 'this API key is disabled' });
  });

  it('that a limit is reached: RESOURCE_EXHAUSTED, and when to come back', async () => {
    const { secret } = await weir.node.createKey(administrator, 'two');
    for (let time = 0; time < 2; time++) expect((await call({ 'x-api-key': secret })).code).toBe(status.UNIMPLEMENTED);
    const error = await call({ 'x-api-key': secret });
    expect(error).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: 'too many requests: try again later',
    });
    const { info, retry } = detailsOf(error);
    expect(info.reason).toBe('RATE_LIMITED');
    expect(error.metadata.get('retry-after')).toEqual([String(retry)]);
    expect(retry).toBeGreaterThan(0);
  });

  it('the same by the rate limit filter', async () => {
    const { secret } = await weir.node.createKey(administrator, 'two');
    const codes = [];
    for (let time = 0; time < 3; time++) codes.push((await call({ 'x-api-key': secret }, '/both/List')).code);
    expect(codes).toEqual([status.UNIMPLEMENTED, status.UNIMPLEMENTED, status.RESOURCE_EXHAUSTED]);
  });

  it('that its route is not configured right: INTERNAL', async () => {
    const { secret } = await weir.node.createKey(administrator, 'two');
    const wrong = await weir.envoy(contextExtensions({ 'weir.cost': 'ten' }));
    const error = await call({ 'x-api-key': secret }, undefined, wrong);
    expect(error).toMatchObject({ code: status.INTERNAL, details: expect.stringContaining('weir.cost') });
  });
});

describe('what Envoy takes for gRPC by its content-type', () => {
  it.each([
    ['application/grpc', 200],
    ['application/grpc+proto', 200],
    ['application/grpc-web', 401],
    ['application/grpc-web+proto', 401],
    ['application/grpcx', 401],
    ['application/json', 401],
  ])('%s is answered with %d, and in HTTP with a JSON body', async (contentType, expected) => {
    const headers: [string, string][] = [['content-type', contentType]];
    const answer = await askOverHttp1(origin, { method: 'POST', path: '/orders', headers });
    expect(answer.status).toBe(expected);
    if (expected === 200)
      expect(answer.headers).toMatchObject({ 'grpc-status': '16', 'content-type': 'application/grpc' });
    else expect(JSON.parse(answer.body).error.code).toBe('missing_credential');
  });
});
