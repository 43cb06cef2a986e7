import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { setContextExtensions } from '../../demo/envoy-configuration.ts';
import { sendOverHttp1 } from '../../demo/http-clients.ts';
import { ErrorInfo, RetryInfo } from '../../src/generated/google/rpc/error_details.ts';
import { Status } from '../../src/generated/google/rpc/status.ts';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import type { Headers } from '../support/clients/grpc-client.ts';
import { test } from '../support/fixtures.ts';

const it = test;

it.beforeAll(({ node, administrator }) => node.createPlan(administrator, 'two', 2));

/** Calls a method that the upstream does not have, so a call that passes fails as well: with UNIMPLEMENTED. */
function call(origin: string, headers: Headers, path = '/shop.Orders/List'): Promise<ServiceError> {
  const client = new Client(new URL(origin).host, credentials.createInsecure());
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const passBytes = (bytes: Buffer) => bytes;
  const options = { deadline: Date.now() + 10_000 };
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, passBytes, passBytes, Buffer.alloc(3), metadata, options, (error) => {
      client.close();
      if (error !== null) resolve(error);
    });
  });
}

function parseStatusDetails({ metadata }: ServiceError) {
  const [bytes] = metadata.get('grpc-status-details-bin');
  const { code, message, details } = Status.decode(bytes as Buffer); // values of names that end in -bin are Buffers
  const [info, retry] = details;
  return {
    code,
    message,
    info: ErrorInfo.decode(info?.value ?? new Uint8Array()),
    retryDelaySeconds: retry && RetryInfo.decode(retry.value).retryDelay?.seconds,
  };
}

describe('a gRPC client behind a real Envoy', () => {
  it('gets UNAUTHENTICATED without a valid key', async ({ envoy }) => {
    const error = await call(envoy, { 'x-request-id': 'request-7' });
    expect(error).toMatchObject({ code: status.UNAUTHENTICATED, details: expect.stringContaining('x-api-key') });
    expect(error.metadata.get('www-authenticate')).toEqual(['Bearer realm="api"']);
    expect(parseStatusDetails(error)).toMatchObject({
      code: status.UNAUTHENTICATED,
      message: error.details,
      info: { reason: 'MISSING_CREDENTIAL', domain: 'weir', metadata: { request_id: expect.any(String) } },
    });
    const invalid = await call(envoy, { 'x-api-key': 'wk_live_wrong' });
    const { reason } = parseStatusDetails(invalid).info;
    expect([invalid.code, reason]).toEqual([status.UNAUTHENTICATED, 'MALFORMED_CREDENTIAL']);
  });

  it('gets PERMISSION_DENIED with a disabled key', async ({ envoy, node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'two');
    const request = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
    await node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
    const error = await call(envoy, { 'x-api-key': secret });
    expect(error).toMatchObject({ code: status.PERMISSION_DENIED, details: 'this API key is disabled' });
  });

  it('gets RESOURCE_EXHAUSTED over the limit, with the time of a retry', async ({ envoy, node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'two');
    for (let time = 0; time < 2; time++) {
      expect((await call(envoy, { 'x-api-key': secret })).code).toBe(status.UNIMPLEMENTED);
    }
    const error = await call(envoy, { 'x-api-key': secret });
    expect(error).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: 'too many requests: try again later',
    });
    const { info, retryDelaySeconds } = parseStatusDetails(error);
    expect(info.reason).toBe('RATE_LIMITED');
    expect(error.metadata.get('retry-after')).toEqual([String(retryDelaySeconds)]);
    expect(retryDelaySeconds).toBeGreaterThan(0);
  });

  it('gets RESOURCE_EXHAUSTED from the rate limit filter, too', async ({ envoy, node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'two');
    const codes = [];
    for (let time = 0; time < 3; time++) codes.push((await call(envoy, { 'x-api-key': secret }, '/both/List')).code);
    expect(codes).toEqual([status.UNIMPLEMENTED, status.UNIMPLEMENTED, status.RESOURCE_EXHAUSTED]);
  });

  it('gets INTERNAL on a route whose context extensions are invalid', async ({ weir, node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'two');
    const misconfigured = await weir.envoy(setContextExtensions({ 'weir.cost': 'ten' }));
    const error = await call(misconfigured, { 'x-api-key': secret });
    expect(error).toMatchObject({ code: status.INTERNAL, details: expect.stringContaining('weir.cost') });
  });
});

describe('a denial by Weir', () => {
  it.for([
    ['application/grpc', 'as gRPC', 200],
    ['application/grpc+proto', 'as gRPC', 200],
    ['application/grpc-web', 'with a JSON body', 401],
    ['application/grpc-web+proto', 'with a JSON body', 401],
    ['application/grpcx', 'with a JSON body', 401],
    ['application/json', 'with a JSON body', 401],
  ] as const)('to a request of the content type %s is sent %s', async ([contentType, , expectedStatus], { envoy }) => {
    const headers: [string, string][] = [['content-type', contentType]];
    const answer = await sendOverHttp1(envoy, { method: 'POST', path: '/orders', headers });
    expect(answer.status).toBe(expectedStatus);
    if (expectedStatus === 200) {
      expect(answer.headers).toMatchObject({ 'grpc-status': '16', 'content-type': 'application/grpc' });
    } else expect(JSON.parse(answer.body).error.code).toBe('missing_credential');
  });
});
