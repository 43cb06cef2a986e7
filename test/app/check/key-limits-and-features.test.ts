import { describe, expect } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import {
  CreatePlanRequest,
  PlanServiceService,
  UpdatePlanRequest,
} from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { addedHeaders, check, httpStatus, parseDenial, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';

const it = test;
it.beforeAll(({ node, administrator }) => node.createPlan(administrator, 'team', 5));

const twoADay = Limit.fromPartial({ name: 'own', requests: 2, window: '1d', onStoreFailure: 'deny' });

describe('an API key with its own limits', () => {
  it('is charged its own and its plan’s limits in one decision, and both are reported', async ({
    node,
    administrator,
  }) => {
    const { secret } = await node.createKey(administrator, 'team', { limits: [twoADay] });
    const first = await check(node.decision, { 'x-api-key': secret });
    expect(addedHeaders(first)).toMatchObject({
      'ratelimit-policy': '"burst";q=5;w=60, "own";q=2;w=86400',
      'x-ratelimit-remaining': '1',
    });
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
    const rejected = await check(node.decision, { 'x-api-key': secret });
    expect(parseDenial(rejected)?.code).toBe('quota_exceeded');
  });

  it('keeps the plan’s budget when its own limit rejects', async ({ node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'team', { limits: [twoADay] });
    for (let request = 0; request < 6; request++) await check(node.decision, { 'x-api-key': secret });
    const apiKey = { name, limits: [] };
    const request = UpdateApiKeyRequest.fromPartial({ apiKey, updateMask: 'limits' });
    await node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
    const next = await check(node.decision, { 'x-api-key': secret });
    expect(addedHeaders(next)).toMatchObject({ 'x-ratelimit-remaining': '2', 'ratelimit-policy': '"burst";q=5;w=60' });
  });

  it('does not share its limits with those of its plan, even under the same name', async ({ node, administrator }) => {
    const limits = [Limit.fromPartial({ name: 'burst', requests: 5, window: '60s', onStoreFailure: 'deny' })];
    const { secret } = await node.createKey(administrator, 'team', { limits });
    const statuses = [];
    for (let request = 0; request < 6; request++) {
      statuses.push(httpStatus(await check(node.decision, { 'x-api-key': secret })));
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  });

  it('shares one budget with the domain plans and keeps it when it is rotated', async ({ node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'team', { limits: [twoADay] });
    await check(node.decision, { 'x-api-key': secret });
    const response = await shouldRateLimit(node.decision, 'plans', ['api_key', name]);
    expect(response.statuses[0]?.currentLimit?.name).toBe(`${name}/own`);
    const rotated = await node.admin.call(ApiKeyServiceService.rotateApiKey, { name, overlap: '' }, administrator);
    expect(httpStatus(await check(node.decision, { 'x-api-key': rotated.secret }))).toBe(429);
    const again = await shouldRateLimit(node.decision, 'plans', ['api_key', rotated.apiKey?.name ?? '']);
    expect(again.overallCode).toBe(Code.OVER_LIMIT);
  });
});

describe('a route that requires features', () => {
  const requiring = { 'weir.require': 'export,bulk' };

  it('allows a key that has them all through plan and key, and denies others with 403 and no charge', async ({
    node,
    administrator,
  }) => {
    const plan = { displayName: '', features: ['export'], limits: [twoADay] };
    const request = CreatePlanRequest.fromPartial({ planId: 'exporting', plan });
    await node.admin.call(PlanServiceService.createPlan, request, administrator);
    const able = await node.createKey(administrator, 'exporting', { features: ['bulk'] });
    const unable = await node.createKey(administrator, 'exporting');
    expect(httpStatus(await check(node.decision, { 'x-api-key': able.secret }, requiring))).toBe(200);
    for (let time = 0; time < 3; time++) {
      const rejected = await check(node.decision, { 'x-api-key': unable.secret }, requiring);
      expect([httpStatus(rejected), parseDenial(rejected)?.code]).toEqual([403, 'missing_feature']);
    }
    expect(httpStatus(await check(node.decision, { 'x-api-key': unable.secret }))).toBe(200);
    const updated = { name: 'plans/exporting', features: ['export', 'bulk'] };
    const change = UpdatePlanRequest.fromPartial({ plan: updated, updateMask: 'features' });
    await node.admin.call(PlanServiceService.updatePlan, change, administrator);
    expect(httpStatus(await check(node.decision, { 'x-api-key': unable.secret }, requiring))).toBe(200);
  });

  it('accepts OAuth scopes as features, in lists separated by spaces or commas', async ({ node, administrator }) => {
    const plan = {
      displayName: '',
      features: ['read:orders'],
      limits: [{ name: 'unlimited', algorithm: 'unlimited' }],
    };
    const request = CreatePlanRequest.fromPartial({ planId: 'scoped', plan });
    await node.admin.call(PlanServiceService.createPlan, request, administrator);
    const features = ['https://www.googleapis.com/auth/drive.file', 'Orders.Write', 'a,b'];
    const { secret } = await node.createKey(administrator, 'scoped', { features });
    const ask = async (required: string) =>
      httpStatus(await check(node.decision, { 'x-api-key': secret }, { 'weir.require': required }));
    expect(await ask('read:orders https://www.googleapis.com/auth/drive.file')).toBe(200);
    expect(await ask('read:orders, Orders.Write')).toBe(200);
    expect(await ask('"a,b" read:orders')).toBe(200);
    expect(await ask('read:orders write:orders')).toBe(403);
    expect(await ask('orders.write')).toBe(403);
  });

  it('answers a request without a key with 401 and reveals no features', async ({ node }) => {
    expect(httpStatus(await check(node.decision, {}, requiring))).toBe(401);
  });
});

describe('the allowed networks of a key, compared with the address that Envoy trusts,', () => {
  it('allow a key only from there, whatever X-Forwarded-For says', async ({ node, administrator }) => {
    const allowedNetworks = ['192.0.2.0/24', '2001:db8::/32'];
    const { secret } = await node.createKey(administrator, 'team', { allowedNetworks });
    const from = (address: string) =>
      check(
        node.decision,
        { 'x-api-key': secret, 'x-forwarded-for': '192.0.2.1', 'x-real-ip': '192.0.2.1' },
        {},
        address,
      );
    for (const address of ['192.0.2.255', '2001:db8:ffff::1', '::ffff:192.0.2.1']) {
      expect(httpStatus(await from(address))).toBe(200);
    }
    for (const address of ['192.0.3.1', '2001:db9::1', '::ffff:198.51.100.1', '']) {
      const rejected = await from(address);
      expect({ status: httpStatus(rejected), code: parseDenial(rejected)?.code }).toEqual({
        status: 403,
        code: 'forbidden_network',
      });
    }
    expect(addedHeaders(await from('192.0.2.1'))['x-ratelimit-remaining']).toBe('1');
  });

  it('take effect with the next request after an update', async ({ node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const allow = (allowedNetworks: string[]) => {
      const request = UpdateApiKeyRequest.fromPartial({
        apiKey: { name, allowedNetworks },
        updateMask: 'allowed_networks',
      });
      return node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
    };
    await allow(['203.0.113.7/32']);
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(403);
    await allow([]);
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
  });
});
