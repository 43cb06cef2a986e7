import { status } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import type { TestNode } from '../../support/node.ts';
import { limitTest as it } from '../limited-calls.ts';

/** Signs in over HTTP as a client behind a trusted proxy. */
async function signIn(node: TestNode, forwardedFor: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': forwardedFor };
  return node.fetch('/weir.admin.v1.AuthService/Login', { method: 'POST', headers, body: JSON.stringify(body) });
}

it('10 malformed calls over HTTP keep others of their network away, over HTTP and over gRPC', async ({ node }) => {
  const address = '203.0.113.9';
  for (let i = 0; i < 10; i++) expect((await signIn(node, address, { email: i })).status).toBe(400);
  const rejected = await signIn(node, address, { email: 'a@example.com', password: 'b' });
  expect(rejected.status).toBe(429);
  expect(Number(rejected.headers.get('retry-after'))).toBeGreaterThan(50);
  expect(await rejected.json()).toMatchObject({
    code: 'resource_exhausted',
    details: [{ debug: { reason: 'TOO_MANY_CALLS' } }, { type: 'google.rpc.RetryInfo' }],
  });
  const request = { email: 'a@example.com', password: 'b', totpCode: undefined };
  const overGrpc = await node.admin.callAndFail(AuthServiceService.login, request, { 'x-forwarded-for': address });
  expect(overGrpc.code).toBe(status.RESOURCE_EXHAUSTED);
  expect((await signIn(node, '203.0.113.10', { email: 'a@example.com', password: 'b' })).status).toBe(401);
});
