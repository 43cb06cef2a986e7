import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import { type Nodes, STORES, test } from '../../support/fixtures.ts';

const OWING = 'requests: 100, window: 1h, charge_rejected: true, on_store_failure: deny';
const RULES = {
  'ours.yaml': `domain: ours
descriptors:
  - {key: sliding, rate_limit: {${OWING}}}
  - {key: leased, rate_limit: {${OWING}, lease: true}}
  - {key: bucket, rate_limit: {${OWING}, algorithm: token_bucket}}
  - {key: calendar, rate_limit: {requests: 100, window: 1y, algorithm: calendar, charge_rejected: true}}
  - {key: settled, rate_limit: {${OWING}, settle: true}}
  - {key: quota, quota_mode: true, rate_limit: {${OWING}}}
  - {key: shadow, shadow_mode: true, rate_limit: {${OWING}}}
  - {key: forgetful, rate_limit: {requests: 100, window: 1h}}
  - {key: forgetful_fixed, rate_limit: {requests: 100, window: 365d, algorithm: fixed_window}}
  - {key: once, rate_limit: {requests: 1, window: 1h}}
  - {key: short, rate_limit: {requests: 100, window: 1s, charge_rejected: true}}
`,
  'theirs.yaml': `domain: theirs
defaults: {algorithm: fixed_window}
descriptors:
  - {key: u, rate_limit: {unit: year, requests_per_unit: 100}}
  - {key: explicit, rate_limit: {unit: year, requests_per_unit: 100, algorithm: fixed_window}}
  - {key: free, rate_limit: {unit: year, requests_per_unit: 100, charge_rejected: false}}
  - {key: sliding, rate_limit: {unit: year, requests_per_unit: 100, algorithm: sliding_window}}
  - {key: one, rate_limit: {unit: year, requests_per_unit: 1}}
  - {key: second, rate_limit: {unit: second, requests_per_unit: 100}}
  - {key: quota, quota_mode: true, rate_limit: {unit: year, requests_per_unit: 100}}
`,
};

const it = test.override('rules', RULES);

type Asked = readonly [key: string, value: string, hits: number];
const [OK, OVER] = [Code.OK, Code.OVER_LIMIT];

describe.for(STORES)('usage that is reported after the fact, with counters in %s', (store) => {
  const subject = (name: string) => `${name}-${store}-${process.pid}`;
  const ask = (nodes: Nodes, domain: string, ...asked: readonly Asked[]): Promise<RateLimitResponse> => {
    const descriptors = asked.map(([key, value, hitsAddend]) => {
      return { entries: [{ key, value: subject(value) }], hitsAddend };
    });
    const request = RateLimitRequest.fromPartial({ domain, descriptors });
    return nodes[store].decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  const codes = async (nodes: Nodes, domain: string, key: string, value: string, hits: readonly number[]) => {
    const answered: Code[] = [];
    for (const count of hits) answered.push((await ask(nodes, domain, [key, value, count])).overallCode);
    return answered;
  };
  const reports = [0, 60, 0, 60, 0, 60];

  it.for([
    ['ours', 'sliding'],
    ['ours', 'leased'],
    ['ours', 'bucket'],
    ['ours', 'calendar'],
    ['ours', 'settled'],
    ['ours', 'quota'],
    ['theirs', 'u'],
    ['theirs', 'explicit'],
    ['theirs', 'quota'],
  ] as const)(
    'becomes debt when it does not fit, and the next peek is rejected: %s.%s',
    async ([domain, key], { nodes }) => {
      expect(await codes(nodes, domain, key, 'reports', reports)).toEqual([OK, OK, OK, OVER, OVER, OVER]);
      expect(await codes(nodes, domain, key, 'large', [0, 250, 0])).toEqual([OK, OVER, OVER]);
      // As in envoyproxy/ratelimit, a peek is rejected in debt only, and not when exactly all of the limit is used.
      expect(await codes(nodes, domain, key, 'exact', [100, 0, 1, 0])).toEqual([OK, OK, OVER, OVER]);
    },
  );

  it.for([
    ['ours', 'forgetful'],
    ['ours', 'forgetful_fixed'],
    ['theirs', 'free'],
    ['theirs', 'sliding'],
  ] as const)(
    'is free if it does not fit and the limit does not charge it: %s.%s',
    async ([domain, key], { nodes }) => {
      expect(await codes(nodes, domain, key, 'free', reports)).toEqual([OK, OK, OK, OVER, OK, OVER]);
      expect(await codes(nodes, domain, key, 'free-large', [0, 250, 0])).toEqual([OK, OVER, OK]);
    },
  );

  it('is counted as forgotten where a counter is peeked at and then rejects a report, and only there', async ({
    nodes,
  }) => {
    const forgotten = async () => {
      const label = 'weir_forgotten_usage_total{rule="ours.';
      const lines = (await nodes[store].metrics()).split('\n').filter((line) => line.startsWith(label));
      return Object.fromEntries(
        lines.map((line) => [line.slice(label.length, line.indexOf('"}')), line.split(' ')[1]]),
      );
    };
    const before = await forgotten();
    await codes(nodes, 'ours', 'forgetful', 'not-peeked', [250, 250]);
    await codes(nodes, 'ours', 'forgetful', 'one-hit', [0, 100, 1, 1]);
    expect(await forgotten()).toEqual(before);
    await codes(nodes, 'ours', 'forgetful', 'peeked', [0, 250, 0, 250]);
    expect(await forgotten()).toEqual({ ...before, forgetful: String(Number(before.forgetful ?? 0) + 2) });
    expect(before).not.toHaveProperty('sliding');
  });

  it('is charged to every limit with charge_rejected whichever limit rejects it, and to no other limit', async ({
    nodes,
  }) => {
    const asked = [
      ['sliding', 'all', 60],
      ['once', 'all', 1],
      ['forgetful', 'all', 60],
      ['quota', 'all', 60],
    ] as const;
    expect((await ask(nodes, 'ours', ...asked)).overallCode).toBe(OK);
    const rejected = await ask(nodes, 'ours', ...asked);
    expect(rejected.statuses.map(({ code }) => code)).toEqual([OVER, OVER, OVER, OK]);
    expect(await codes(nodes, 'ours', 'sliding', 'all', [0])).toEqual([OVER]);
    await expect.poll(() => codes(nodes, 'ours', 'quota', 'all', [0])).toEqual([OVER]);
    expect((await ask(nodes, 'ours', ['forgetful', 'all', 0])).statuses[0]?.limitRemaining).toBe(40);
  });

  it('is charged to limits that have room when another limit rejects it', async ({ nodes }) => {
    const both = [
      ['u', 'room', 30],
      ['one', 'room', 1],
    ] as const;
    const remaining = [];
    for (let request = 0; request < 3; request++) {
      const { statuses } = await ask(nodes, 'theirs', ...both);
      remaining.push([statuses[0]?.code, statuses[0]?.limitRemaining, statuses[1]?.code]);
    }
    expect(remaining).toEqual([
      [OK, 70, OK],
      [OK, 40, OVER],
      [OK, 10, OVER],
    ]);
  });

  it('stays charged when quotas reject the request', async ({ nodes }) => {
    const both = [
      ['sliding', 'quota', 60],
      ['quota', 'quota', 101],
    ] as const;
    expect((await ask(nodes, 'ours', ...both)).overallCode).toBe(OVER);
    expect((await ask(nodes, 'ours', ['sliding', 'quota', 0])).statuses[0]?.limitRemaining).toBe(40);
  });

  it('is charged to rules in shadow mode when another limit rejects it', async ({ nodes }) => {
    const both = [
      ['shadow', 'shadow', 60],
      ['once', 'shadow', 1],
    ] as const;
    const denied = async () => {
      const label = 'weir_shadow_decisions_total{rule="ours.shadow",verdict="would_deny"} ';
      const line = (await nodes[store].metrics()).split('\n').find((each) => each.startsWith(label));
      return Number(line?.slice(label.length) ?? 0);
    };
    expect((await ask(nodes, 'ours', ...both)).overallCode).toBe(OK);
    expect((await ask(nodes, 'ours', ...both)).overallCode).toBe(OVER);
    const before = await denied();
    await ask(nodes, 'ours', ['shadow', 'shadow', 1]);
    await expect.poll(denied).toBe(before + 1);
  });

  it('is forgotten at the end of the window, however much it is', async ({ nodes }) => {
    for (const [domain, key] of [
      ['ours', 'short'],
      ['theirs', 'second'],
    ] as const) {
      for (let report = 0; report < 3; report++) {
        expect((await ask(nodes, domain, [key, 'window', 4_294_967_295])).overallCode).toBe(OVER);
      }
      await sleep(1200);
      expect(await codes(nodes, domain, key, 'window', [0, 100])).toEqual([OK, OK]);
    }
  });

  it('can be charged by plans, and Check rejects while their limits are in debt', async ({ nodes }) => {
    const node = nodes[store];
    const administrator = await node.signIn();
    const planId = `owing-${store}`;
    const limits = [{ name: 'tokens', requests: 100, window: '1h', chargeRejected: true, onStoreFailure: 'deny' }];
    const request = CreatePlanRequest.fromPartial({ planId, plan: { displayName: planId, limits } });
    const plan = await node.admin.call(PlanServiceService.createPlan, request, administrator);
    expect(plan.limits[0]).toMatchObject({ chargeRejected: true });
    const { name, secret } = await node.createKey(administrator, planId);
    const report = (hitsAddend: number) => {
      const descriptors = [{ entries: [{ key: 'api_key', value: name }], hitsAddend }];
      const usage = RateLimitRequest.fromPartial({ domain: 'plans', descriptors });
      return node.decision.call(RateLimitServiceService.shouldRateLimit, usage);
    };
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
    expect((await report(250)).overallCode).toBe(OVER);
    expect((await report(0)).overallCode).toBe(OVER);
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(429);
  });
});
