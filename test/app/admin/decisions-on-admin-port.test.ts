import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { AuthorizationService, CheckRequest } from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { AccountServiceService, CreateAccountRequest } from '../../../src/generated/weir/admin/v1/account_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { httpStatus } from '../../support/clients/decision-calls.ts';
import { GrpcClient, type Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';

const ALL_ADDRESSES = '0.0.0.0:0';

const ADMIN_RULES = `domain: admin
descriptors:
  - key: outcome
    value: invalid_token
    descriptors: [{key: remote_address, rate_limit: {requests: 3, window: 1h}}]
  - key: method
    value: RateLimitService/ShouldRateLimit
    descriptors: [{key: account, rate_limit: {requests: 2, window: 1h}}]
`;

const it = test
  /** A node whose admin port other machines reach. */
  .extend('open', { scope: 'file' }, ({ startNode }) => startNode({ ADMIN_ADDRESS: ALL_ADDRESSES }))
  /** The same with the role `decision`. */
  .extend('following', { scope: 'file' }, ({ startNode }) =>
    startNode({ ADMIN_ADDRESS: ALL_ADDRESSES, WEIR_ROLE: 'decision' }),
  );

const rateLimit = RateLimitRequest.fromPartial({
  domain: 'shop',
  descriptors: [{ entries: [{ key: 'a', value: 'b' }] }],
});
const checkRequest = (headers: Record<string, string>) =>
  CheckRequest.fromPartial({ attributes: { request: { http: { headers } } } });

/** Calls both methods without success. Returns the codes and messages of their errors. */
async function failBoth(client: GrpcClient, headers: Headers): Promise<readonly (readonly [number, string])[]> {
  // The credential of the request is in the message. It is not that of the call.
  const request = checkRequest({ authorization: String(headers.authorization) });
  const errors = [
    await client.callAndFail(AuthorizationService.check, request, headers),
    await client.callAndFail(RateLimitServiceService.shouldRateLimit, rateLimit, headers),
  ];
  return errors.map(({ code, details }) => [code, details]);
}

describe('on an admin port that other machines reach, Check and ShouldRateLimit', () => {
  it('need the token of an administrator', async ({ node, open, following, administrator }) => {
    const account = { email: 'user@example.com', role: 'user', plan: 'plans/free' };
    const password = 'a long enough password';
    const creation = CreateAccountRequest.fromPartial({ account, password });
    await node.admin.call(AccountServiceService.createAccount, creation, administrator);
    const { accessToken } = await node.admin.call(AuthServiceService.login, { email: account.email, password });
    for (const { admin } of [open, following]) {
      const missing = [status.UNAUTHENTICATED, expect.stringContaining('has no access token')];
      expect(await failBoth(admin, {})).toEqual([missing, missing]);
      const invalid = [status.UNAUTHENTICATED, expect.stringContaining('is invalid')];
      expect(await failBoth(admin, { authorization: 'Bearer wk_live_1' })).toEqual([invalid, invalid]);
      const forbidden = [status.PERMISSION_DENIED, 'only administrators can do this'];
      expect(await failBoth(admin, { authorization: `Bearer ${accessToken}` })).toEqual([forbidden, forbidden]);
      expect(await admin.call(RateLimitServiceService.shouldRateLimit, rateLimit, administrator)).toMatchObject({
        overallCode: Code.OK,
      });
    }
  });

  it('decide on the credential in the request, not on that of the call', async ({ open, administrator }) => {
    const { secret } = await open.createKey(administrator, 'free');
    const ask = async (headers: Record<string, string>) =>
      httpStatus(await open.admin.call(AuthorizationService.check, checkRequest(headers), administrator));
    expect(await ask({ 'x-api-key': secret })).toBe(200);
    expect(await ask({ authorization: `Bearer ${secret}` })).toBe(200);
    expect(await ask({})).toBe(401);
    const many = Array.from({ length: 20 }, () => ask({ 'x-api-key': secret }));
    expect(new Set(await Promise.all(many))).toEqual(new Set([200]));
  });

  it('count for the rules of the domain admin', async ({ startNode, administrator }) => {
    const rules = await mkdtemp(path.join(tmpdir(), 'weir-admin-rules-'));
    await writeFile(path.join(rules, 'admin.yaml'), ADMIN_RULES);
    const limited = await startNode({ ADMIN_ADDRESS: ALL_ADDRESSES, RULES_PATH: rules });
    const ask = (headers: Headers) =>
      limited.admin.callAndFail(RateLimitServiceService.shouldRateLimit, rateLimit, headers);
    for (let call = 0; call < 3; call++) expect((await ask({})).code).toBe(status.UNAUTHENTICATED);
    expect((await ask({})).code).toBe(status.RESOURCE_EXHAUSTED);
    for (let call = 0; call < 2; call++)
      await limited.admin.call(RateLimitServiceService.shouldRateLimit, rateLimit, administrator);
    expect((await ask(administrator)).code).toBe(status.RESOURCE_EXHAUSTED);
  });

  it('charge nothing for callers that they refuse, and are open on the decision port', async ({
    open,
    administrator,
  }) => {
    await open.createPlan(administrator, 'single', 1);
    const { secret } = await open.createKey(administrator, 'single');
    const request = checkRequest({ 'x-api-key': secret });
    expect((await open.admin.callAndFail(AuthorizationService.check, request)).code).toBe(status.UNAUTHENTICATED);
    expect(httpStatus(await open.decision.call(AuthorizationService.check, request))).toBe(200);
    expect(httpStatus(await open.decision.call(AuthorizationService.check, request))).toBe(429);
  });
});

describe('on an admin port of this machine alone, Check and ShouldRateLimit', () => {
  it.for(['localhost:0', '[::1]:0'])('are open: %s', async (address, { startNode }) => {
    const other = await startNode({ ADMIN_ADDRESS: address });
    const client = new GrpcClient(other.app.ports.admin, address.startsWith('[') ? '[::1]' : 'localhost');
    const { overallCode } = await client.call(RateLimitServiceService.shouldRateLimit, rateLimit);
    client.close();
    expect(overallCode).toBe(Code.OK);
  });
});
