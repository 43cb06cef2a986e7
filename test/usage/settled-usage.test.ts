import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import {
  QueryUsageRequest,
  QueryUsageRequest_Step as Step,
  UsageServiceService,
} from '../../src/generated/weir/admin/v1/usage_service.ts';
import { CreateWebhookRequest, WebhookServiceService } from '../../src/generated/weir/admin/v1/webhook_service.ts';
import type { Headers } from '../support/clients/grpc-client.ts';
import { newDatabase } from '../support/databases.ts';
import { TestNode } from '../support/node.ts';
import { WebhookReceiver } from '../support/servers/webhook-receiver.ts';

const HOUR_MS = 3_600_000;

interface Totals {
  readonly allowed: number;
  readonly hits: number;
}

let node: TestNode;
let admin: Headers;
let receiver: WebhookReceiver;

beforeAll(async () => {
  receiver = await WebhookReceiver.start();
  node = await TestNode.start({
    DATABASE_URL: await newDatabase(),
    WEBHOOK_PRIVATE_HOSTS: '127.0.0.1',
    USAGE_FLUSH_INTERVAL: '1s',
  });
  admin = await node.signIn();
  const webhook = CreateWebhookRequest.fromPartial({ webhook: { url: receiver.url, eventTypes: ['usage.*'] } });
  await node.admin.call(WebhookServiceService.createWebhook, webhook, admin);
  const limits = [{ name: 'words', requests: 10_000, window: '1d', algorithm: 'calendar', settle: true }];
  const plan = CreatePlanRequest.fromPartial({ planId: 'model', plan: { displayName: 'Model', limits } });
  await node.admin.call(PlanServiceService.createPlan, plan, admin);
});
afterAll(async () => {
  await node?.stop();
  await receiver?.stop();
});

const ask = (domain: string, key: string, value: string, hitsAddend: number, isNegativeHits = false) => {
  const descriptors = [{ entries: [{ key, value }], hitsAddend, isNegativeHits }];
  return node.decision.call(
    RateLimitServiceService.shouldRateLimit,
    RateLimitRequest.fromPartial({ domain, descriptors }),
  );
};
const reserve = (key: string, hits: number) => ask('plans', 'api_key', key, hits);
const settle = ({ dynamicMetadata }: RateLimitResponse, hits: number) =>
  ask('plans', 'receipt', String(dynamicMetadata?.receipt), hits);
const giveBack = ({ dynamicMetadata }: RateLimitResponse, hits: number) =>
  ask('plans', 'receipt', String(dynamicMetadata?.receipt), hits, true);

async function queryTotals(): Promise<Totals> {
  const now = Date.now();
  const request = QueryUsageRequest.fromPartial({
    ...{ parent: 'accounts/-', step: Step.MONTH, filter: 'plan = "plans/model"' },
    ...{ startTime: new Date(now - 24 * HOUR_MS), endTime: new Date(now + 2 * HOUR_MS) },
  });
  const { rows } = await node.admin.call(UsageServiceService.queryUsage, request, admin);
  return addUp(rows.map(({ totals }) => ({ allowed: totals?.allowed ?? 0, hits: totals?.hits ?? 0 })));
}

function addUp(totals: readonly Totals[]): Totals {
  const sum = (count: keyof Totals) => totals.reduce((total, row) => total + row[count], 0);
  return { allowed: sum('allowed'), hits: sum('hits') };
}

const exportedTotals = () =>
  addUp(receiver.received.map(({ event }) => event.data as unknown as Totals & Record<string, unknown>));

describe('the usage of requests that are settled later', () => {
  it('is their real cost, and what was given back is subtracted, in queries and in events', async () => {
    const { name: key } = await node.createKey(admin, 'model');
    const less = await reserve(key, 600);
    const more = await reserve(key, 100);
    const unused = await reserve(key, 300);
    const partly = await reserve(key, 300);
    const unsettled = await reserve(key, 50);
    expect(unsettled.overallCode).toBe(1);
    // The reservations are written first, so that the settlements are rows of their own.
    await expect.poll(queryTotals).toEqual({ allowed: 5, hits: 1_350 });
    await settle(less, 250);
    await settle(more, 400);
    await giveBack(unused, 300);
    await giveBack(partly, 100);
    // 250 + 400 + 0 + 200 + 50
    const expected = { allowed: 5, hits: 900 };
    await expect.poll(queryTotals).toEqual(expected);

    // A receipt counts once.
    for (const receipt of [less, more, unused]) await settle(receipt, 9_000);
    await giveBack(partly, 100);
    await reserve(key, 1);
    const last = { allowed: 6, hits: 901 };
    await expect.poll(queryTotals).toEqual(last);
    await expect.poll(exportedTotals, { timeout: 20_000 }).toEqual(last);
  });
});
