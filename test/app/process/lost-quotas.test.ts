import { pino } from 'pino';
import { expect } from 'vitest';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { test } from '../../support/fixtures.ts';

const RULES = `domain: shop
descriptors:
  - {key: account, rate_limit: {requests: 5, window: 30d}}
  - {key: month, rate_limit: {requests: 5, window: 1mo, algorithm: calendar}}
  - {key: minute, rate_limit: {requests: 5, window: 1m}}
`;
interface Warning {
  readonly stores?: readonly string[];
  readonly limits?: readonly string[];
}
const lines: Warning[] = [];

const it = test
  .override('rules', RULES)
  .override('redis', { scope: 'file' }, ({ ownRedis }) => ownRedis)
  .override('log', pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line)) }));
const limitsLostBy = (store: string) =>
  lines.filter(({ stores }) => stores?.includes(store)).map(({ limits }) => limits);
const SOON = { timeout: 30_000, interval: 50 };

it('warns at start, and about later plans, where counters are in memory or in a Redis that persists nothing', async ({
  node,
  redis,
  startNode,
  administrator,
}) => {
  const lasting = ['shop.account'];
  expect(limitsLostBy('memory')).toEqual([lasting]);
  await startNode({ REDIS_URL: redis.url });
  const server = `127.0.0.1:${redis.port}`;
  await expect.poll(() => limitsLostBy(server), SOON).toEqual([lasting]);
  const plan = {
    displayName: 'Trial',
    limits: [{ name: 'uses', requests: 5, window: '7d', algorithm: 'sliding_window' }],
  };
  const request = CreatePlanRequest.fromPartial({ planId: 'trial', plan });
  await node.admin.call(PlanServiceService.createPlan, request, administrator);
  await expect.poll(() => limitsLostBy(server), SOON).toEqual([lasting, ['plans/trial/uses']]);
  await expect.poll(() => limitsLostBy('memory'), SOON).toEqual([lasting, ['plans/trial/uses']]);
});
