import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';
import {
  ApiKeyServiceService,
  CreateApiKeyRequest,
  UpdateApiKeyRequest,
} from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import { GrpcClient, type Headers } from '../../support/clients/grpc-client.ts';
import { newEmptyDatabase } from '../../support/databases.ts';
import { ADMINISTRATOR, type Environment, NODE_SECRETS } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startWeirProcess } from '../../support/weir-process.ts';

/** The built `main.js` of the previous version. This test runs only if PREVIOUS_WEIR names it. */
const PREVIOUS_PROGRAM = process.env.PREVIOUS_WEIR;
const PROGRAM = 'dist/src/main.js';
const LIMIT = 40;
/** More calls than the limit, on each node. */
const CALLS_PER_NODE = 30;

interface Node {
  readonly decision: GrpcClient;
  readonly admin: GrpcClient;
  readonly administrator: Headers;
}

const resources = new AsyncDisposableStack();
let environment: Environment;
let previous: Node;
let current: Node;

async function startNode(program: string | undefined): Promise<Node> {
  const { weir, ports } = await startWeirProcess(environment, program);
  const [decision, admin] = [new GrpcClient(ports.decision), new GrpcClient(ports.admin)];
  resources.defer(async () => {
    decision.close();
    admin.close();
    await weir.stop();
  });
  const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
  return { decision, admin, administrator: { authorization: `Bearer ${accessToken}` } };
}

async function createKey({ admin, administrator }: Node): Promise<{ readonly name: string; readonly secret: string }> {
  const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'upgrade', plan: 'plans/upgrade' } });
  const { apiKey, secret } = await admin.call(ApiKeyServiceService.createApiKey, request, administrator);
  return { name: apiKey?.name ?? '', secret };
}

const statusOf = async ({ decision }: Node, secret: string) =>
  httpStatus(await check(decision, { 'x-api-key': secret }, { 'weir.rate_limit': 'off' }));

describe('a node of the previous version next to one of this version', () => {
  beforeAll(async () => {
    const redis = await startRedis();
    resources.defer(() => redis.stop());
    environment = {
      DATABASE_URL: await newEmptyDatabase(),
      REDIS_URL: redis.url,
      REDIS_DEADLINE_MS: '2000', // on a busy machine, Redis may answer late
      ...NODE_SECRETS,
    };
    // The previous version runs first, then on the schema of this one.
    previous = await startNode(PREVIOUS_PROGRAM);
    const limits = [{ name: 'hourly', requests: LIMIT, window: '3600s', onStoreFailure: 'deny' }];
    const plan = CreatePlanRequest.fromPartial({ planId: 'upgrade', plan: { displayName: 'Upgrade', limits } });
    await previous.admin.call(PlanServiceService.createPlan, plan, previous.administrator);
    current = await startNode(PROGRAM);
  }, 300_000);
  afterAll(() => resources.disposeAsync());

  it('counts together with it: one limit is exact', async () => {
    const { secret } = await createKey(previous);
    await waitUntil(async () => (await statusOf(current, secret)) === 200);
    const calls = Array.from({ length: CALLS_PER_NODE }, () =>
      [previous, current].map(async ({ decision }) => httpStatus(await check(decision, { 'x-api-key': secret }))),
    );
    const statuses = await Promise.all(calls.flat());
    expect(statuses.filter((status) => status === 200)).toHaveLength(LIMIT);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2 * CALLS_PER_NODE - LIMIT);
  });

  it('follows the changes that the other one makes', async () => {
    for (const [changing, deciding] of [
      [previous, current],
      [current, previous],
    ] as const) {
      const { name, secret } = await createKey(changing);
      await waitUntil(async () => (await statusOf(deciding, secret)) === 200);
      const update = UpdateApiKeyRequest.fromPartial({ apiKey: { name, disabled: true }, updateMask: 'disabled' });
      await changing.admin.call(ApiKeyServiceService.updateApiKey, update, changing.administrator);
      await waitUntil(async () => (await statusOf(deciding, secret)) === 403);
    }
  });

  it('can be started again after this version has migrated the database, as for a rollback', async () => {
    const again = await startNode(PREVIOUS_PROGRAM);
    const { secret } = await createKey(current);
    await waitUntil(async () => (await statusOf(again, secret)) === 200);
  });
});
