import { describe, expect } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import {
  CreatePlanRequest,
  type Plan,
  PlanServiceService,
  UpdatePlanRequest,
} from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { check, httpStatus, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const RULES = `domain: edge
descriptors:
  - key: device
    limits:
      - {name: in-flight, requests: 1, window: 1h, algorithm: concurrency}
      - {name: rate, requests: 3, window: 1h}
`;

const it = test.override('rules', RULES).override('environment', { DEVICE_HEADER: 'x-device-id' });

const slots = Limit.fromPartial({ name: 'slots', requests: 1, window: '1h', algorithm: 'concurrency' });
const rate = Limit.fromPartial({ name: 'rate', requests: 3, window: '1h' });

function createPlan(node: TestNode, administrator: Headers, planId: string, ...limits: Limit[]): Promise<Plan> {
  const request = CreatePlanRequest.fromPartial({ planId, plan: { displayName: planId, limits } });
  return node.admin.call(PlanServiceService.createPlan, request, administrator);
}

async function readUnenforced(metrics: () => Promise<string>, rule: string): Promise<string | undefined> {
  const label = `weir_concurrency_unenforced_total{rule="${rule}"} `;
  const line = (await metrics()).split('\n').find((text) => text.startsWith(label));
  return line?.slice(label.length);
}

describe('a concurrency limit where Check charges', () => {
  it('takes no slots, and the other limits of the plan hold', async ({ node, administrator, metrics }) => {
    await createPlan(node, administrator, 'slots', slots, rate);
    const { secret } = await node.createKey(administrator, 'slots');
    const statuses = [];
    for (let time = 0; time < 4; time++) statuses.push(httpStatus(await check(node.decision, { 'x-api-key': secret })));
    expect(statuses).toEqual([200, 200, 200, 429]);
    expect(await readUnenforced(metrics, 'plans/slots')).toBe('4');
  });

  it('leaves all slots to the rate limit filter', async ({ node, administrator, metrics }) => {
    await createPlan(node, administrator, 'slots-only', slots);
    const { name, secret } = await node.createKey(administrator, 'slots-only');
    const statuses = [];
    for (let time = 0; time < 3; time++) statuses.push(httpStatus(await check(node.decision, { 'x-api-key': secret })));
    expect(statuses).toEqual([200, 200, 200]);
    expect(await readUnenforced(metrics, 'plans/slots-only')).toBe('3');
    const codes = [];
    for (let time = 0; time < 2; time++)
      codes.push((await shouldRateLimit(node.decision, 'plans', ['api_key', name])).overallCode);
    expect(codes).toEqual([Code.OK, Code.OVER_LIMIT]);
  });

  it('is not counted as unenforced on a route where the rate limit filter charges', async ({
    node,
    administrator,
    metrics,
  }) => {
    await createPlan(node, administrator, 'slots-elsewhere', slots);
    const { secret } = await node.createKey(administrator, 'slots-elsewhere');
    await check(node.decision, { 'x-api-key': secret }, { 'weir.rate_limit': 'off' });
    expect(await readUnenforced(metrics, 'plans/slots-elsewhere')).toBeUndefined();
  });

  it('takes no slots in the domain edge either', async ({ node, administrator, metrics }) => {
    await createPlan(node, administrator, 'edge-slots', Limit.fromPartial({ ...rate, requests: 100 }));
    const { secret } = await node.createKey(administrator, 'edge-slots');
    const headers = { 'x-api-key': secret, 'x-device-id': 'phone' };
    const statuses = [];
    for (let time = 0; time < 4; time++) statuses.push(httpStatus(await check(node.decision, headers)));
    expect(statuses).toEqual([200, 200, 200, 429]);
    expect(await readUnenforced(metrics, 'edge.device')).toBe('4');
  });
});

describe('a plan with a concurrency limit', () => {
  it('warns its author, when it is created and when it is updated', async ({ node, administrator }) => {
    const expected =
      'limits: "slots" holds only where the rate limit filter asks for the domain plans; ' +
      'Check does not learn when a request ends, so it does not enforce concurrency limits';
    expect((await createPlan(node, administrator, 'warned', rate)).warnings).toEqual([]);
    const plan = { name: 'plans/warned', limits: [slots, rate] };
    const request = UpdatePlanRequest.fromPartial({ plan, updateMask: 'limits' });
    const updated = await node.admin.call(PlanServiceService.updatePlan, request, administrator);
    expect(updated.warnings).toEqual([expected]);
    expect((await createPlan(node, administrator, 'warned-too', slots)).warnings).toEqual([expected]);
  });
});
