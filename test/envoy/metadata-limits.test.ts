import { pino } from 'pino';
import { describe, expect } from 'vitest';
import {
  EXT_AUTHZ_FILTER,
  RATE_LIMIT_FILTER,
  setConnectionManagerField,
  setFilterField,
} from '../../demo/envoy-configuration.ts';
import { Limit } from '../../src/generated/weir/admin/v1/limit.ts';
import {
  CreatePlanRequest,
  PlanServiceService,
  UpdatePlanRequest,
} from '../../src/generated/weir/admin/v1/plan_service.ts';
import type { Headers } from '../support/clients/grpc-client.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';
import type { TestNode } from '../support/node.ts';
import { waitUntil } from '../support/wait-until.ts';

const RULES = `domain: shop
descriptors:
  - {key: account, rate_limit: {unit: hour, requests_per_unit: 1}}
  - {key: named, rate_limit: {unit: hour, requests_per_unit: 1}}
  - {key: odd, rate_limit: {unit: hour, requests_per_unit: 1}}
`;

type LimitFields = Partial<Limit>;

const lines: { readonly limit?: string; readonly msg: string }[] = [];
const it = test
  .override('rules', RULES)
  .override('environment', { METADATA_LIMITS: 'on' })
  .override('log', pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line)) }))
  .extend('origin', { scope: 'file' }, ({ weir }) =>
    weir.envoy(
      setFilterField(RATE_LIMIT_FILTER, ['domain'], 'shop'),
      setConnectionManagerField(
        ['route_config', 'virtual_hosts', 0, 'routes'],
        [
          createRoute('/total', 'account', ['total_limit']),
          createRoute('/named', 'named', ['limits', 'hourly']),
          createRoute('/odd', 'odd', ['odd_limit']),
        ],
      ),
    ),
  );

/** A route that the rate limit filter counts by account, with the limit at a path of Check's metadata. */
function createRoute(prefix: string, descriptorKey: string, path: readonly string[]) {
  const fromCheck = (...keys: readonly string[]) => ({
    metadata_key: { key: EXT_AUTHZ_FILTER, path: keys.map((key) => ({ key })) },
  });
  const account = { descriptor_key: descriptorKey, source: 'DYNAMIC', default_value: 'none', ...fromCheck('account') };
  return {
    match: { prefix },
    route: {
      cluster: 'upstream',
      rate_limits: [{ actions: [{ metadata: account }], limit: { dynamic_metadata: fromCheck(...path) } }],
    },
    typed_per_filter_config: {
      [EXT_AUTHZ_FILTER]: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute',
        check_settings: { context_extensions: { 'weir.rate_limit': 'off' } },
      },
    },
  };
}

async function createPlan(node: TestNode, administrator: Headers, planId: string, limits: readonly LimitFields[]) {
  const request = CreatePlanRequest.fromPartial({ planId, plan: { displayName: planId, limits: [...limits] } });
  await node.admin.call(PlanServiceService.createPlan, request, administrator);
}

async function updatePlan(node: TestNode, administrator: Headers, planId: string, limits: readonly LimitFields[]) {
  const plan = { name: `plans/${planId}`, limits: [...limits] };
  const request = UpdatePlanRequest.fromPartial({ plan, updateMask: 'limits' });
  await node.admin.call(PlanServiceService.updatePlan, request, administrator);
}

const hourly = (requests: number): LimitFields => ({
  name: 'hourly',
  requests,
  window: '1h',
  metadataKey: 'total_limit',
});
const THIRTY_SECONDS: LimitFields = { name: 'odd', requests: 30, window: '30s', metadataKey: 'odd_limit' };

/** Sends a request with a key. Returns the status, and the policy that the rate limit service has counted it by. */
async function send(origin: string, path: string, secret: string) {
  const { status, response } = await sendThrough(origin, { path, headers: [['x-api-key', secret]] });
  return `${status} ${response.headers['ratelimit-policy']}`;
}

describe('with METADATA_LIMITS=on, a real Envoy counts by the limits of the catalog', () => {
  it('under the limit’s metadata_key and under its name, until a change of the plan', async ({
    node,
    administrator,
    origin,
  }) => {
    await createPlan(node, administrator, 'metered', [hourly(2), THIRTY_SECONDS]);
    const { secret } = await node.createKey(administrator, 'metered');
    const counted = [];
    for (let request = 0; request < 3; request++) counted.push(await send(origin, '/total', secret));
    expect(counted).toEqual(['200 "1h";q=2;w=3600', '200 "1h";q=2;w=3600', '429 "1h";q=2;w=3600']);
    expect(await send(origin, '/named', secret)).toBe('200 "1h";q=2;w=3600');

    await updatePlan(node, administrator, 'metered', [hourly(4), THIRTY_SECONDS]);
    const changedAt = performance.now();
    await waitUntil(async () => (await send(origin, '/named', secret)).endsWith('q=4;w=3600'));
    expect(performance.now() - changedAt).toBeLessThan(1000);
    expect(await send(origin, '/total', secret)).toBe('200 "1h";q=4;w=3600');

    await updatePlan(node, administrator, 'metered', [hourly(0), THIRTY_SECONDS]);
    await waitUntil(async () => (await send(origin, '/total', secret)) === '429 "1h";q=0;w=3600');
  });

  it('leaves out a window that Envoy cannot read, with one warning; the rule’s own limit counts', async ({
    node,
    administrator,
    origin,
  }) => {
    await createPlan(node, administrator, 'odd', [hourly(9), THIRTY_SECONDS]);
    const { secret } = await node.createKey(administrator, 'odd');
    expect(await send(origin, '/odd', secret)).toBe('200 "1h";q=1;w=3600');
    expect(await send(origin, '/odd', secret)).toBe('429 "1h";q=1;w=3600');
    const warnings = lines.filter((line) => 'owner' in line && line.owner === 'plans/odd');
    expect(warnings).toMatchObject([{ limit: 'odd', window_seconds: 30 }]);
  });

  it('and by the lower limit if a key has one of the same name', async ({ node, administrator, origin }) => {
    await createPlan(node, administrator, 'shared', [hourly(50)]);
    const plain = await node.createKey(administrator, 'shared');
    expect(await send(origin, '/named', plain.secret)).toMatch(/q=50;w=3600$/);
    const own = await node.createKey(administrator, 'shared', { limits: [Limit.fromPartial(hourly(7))] });
    expect(await send(origin, '/named', own.secret)).toMatch(/q=7;w=3600$/);
    expect(await send(origin, '/total', own.secret)).toMatch(/q=7;w=3600$/);
  });
});
