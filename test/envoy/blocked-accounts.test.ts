import { describe, expect } from 'vitest';
import { AccountServiceService, BlockAccountRequest } from '../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKeyServiceService } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test as it } from '../support/fixtures.ts';

describe('a real Envoy', () => {
  it('denies the requests of a blocked account with retry-after, until it is unblocked', async ({
    node,
    administrator,
    envoy,
  }) => {
    const { name, secret } = await node.createKey(administrator, 'enterprise');
    const { account } = await node.admin.call(ApiKeyServiceService.getApiKey, { name }, administrator);
    const send = () => sendThrough(envoy, { path: '/orders', headers: [['x-api-key', secret]] });
    expect((await send()).status).toBe(200);
    const request = BlockAccountRequest.fromPartial({ name: account, duration: '1h' });
    await node.admin.call(AccountServiceService.blockAccount, request, administrator);
    const { status, response } = await send();
    expect([status, JSON.parse(response.body).error.code]).toEqual([403, 'blocked_account']);
    expect(Math.abs(Number(response.headers['retry-after']) - 3600)).toBeLessThan(120);
    expect(Object.keys(response.headers).join()).not.toContain('ratelimit');
    await node.admin.call(AccountServiceService.unblockAccount, { name: account }, administrator);
    expect((await send()).status).toBe(200);
  });
});
