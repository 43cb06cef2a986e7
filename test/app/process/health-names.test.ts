import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  HealthCheckRequest,
  HealthCheckResponse_ServingStatus,
  HealthService,
} from '../../../src/generated/grpc/health/v1/health.ts';
import type { GrpcClient } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { TestNode } from '../../support/node.ts';

const DATA_PLANE_NAMES = [
  '',
  'ratelimit', // the name that envoyproxy/ratelimit has
  'grpc.health.v1.Health',
  'envoy.service.auth.v3.Authorization',
  'envoy.service.ratelimit.v3.RateLimitService',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];
const ADMIN_NAMES = [
  'weir.admin.v1.ApiKeyService',
  'weir.admin.v1.AuthService',
  'weir.admin.v1.CounterService',
  'weir.admin.v1.ExplainService',
  'weir.admin.v1.IssuerService',
  'weir.admin.v1.PlanService',
  'weir.admin.v1.SigningKeyService',
  'weir.admin.v1.TokenInfoService',
  'weir.admin.v1.TokenService',
];
const UNKNOWN_NAMES = ['Ratelimit', 'ratelimit ', 'envoy.service.ratelimit.v2.RateLimitService', 'weir.admin.v1'];

let node: TestNode;
beforeAll(async () => {
  node = await TestNode.start({ DATABASE_URL: await newDatabase() });
});
afterAll(() => node?.stop());

const checkHealth = async (client: GrpcClient, service: string) => {
  const response = await client.call(HealthService.check, HealthCheckRequest.fromPartial({ service }));
  return response.status;
};
const checkUnknown = async (client: GrpcClient, service: string) => {
  const error = await client.callAndFail(HealthService.check, HealthCheckRequest.fromPartial({ service }));
  return error.code;
};

/** Returns the names that List gives. Each must be serving. */
const listServing = async (client: GrpcClient) => {
  const { statuses } = await client.call(HealthService.list, {});
  for (const { status } of Object.values(statuses)) expect(status).toBe(HealthCheckResponse_ServingStatus.SERVING);
  return Object.keys(statuses);
};

describe('Health/List', () => {
  it('lists the names that a health check finds on each port', async () => {
    expect((await listServing(node.decision)).toSorted()).toEqual(DATA_PLANE_NAMES.toSorted());
    const names = await listServing(node.admin);
    expect(names).toEqual(expect.arrayContaining([...DATA_PLANE_NAMES, ...ADMIN_NAMES]));
    for (const name of names) expect(await checkHealth(node.admin, name)).toBe(1);
  });
});

describe('a health check of the data plane', () => {
  it.each(DATA_PLANE_NAMES)('finds "%s" serving', async (name) => {
    expect(await checkHealth(node.decision, name)).toBe(HealthCheckResponse_ServingStatus.SERVING);
  });

  it.each([...UNKNOWN_NAMES, 'weir.admin.v1.PlanService'])('does not find "%s"', async (name) => {
    expect(await checkUnknown(node.decision, name)).toBe(status.NOT_FOUND);
  });
});

describe('a health check of the admin plane', () => {
  it.each([...DATA_PLANE_NAMES, ...ADMIN_NAMES])('finds "%s" serving', async (name) => {
    expect(await checkHealth(node.admin, name)).toBe(HealthCheckResponse_ServingStatus.SERVING);
  });

  it.each(UNKNOWN_NAMES)('does not find "%s"', async (name) => {
    expect(await checkUnknown(node.admin, name)).toBe(status.NOT_FOUND);
  });

  it('does not find services that a node of the role decision does not serve', async () => {
    const decisionNode = await TestNode.start({ DATABASE_URL: await newMigratedDatabase(), WEIR_ROLE: 'decision' });
    const served = await checkHealth(decisionNode.admin, 'weir.admin.v1.TokenInfoService');
    const notServed = await checkUnknown(decisionNode.admin, 'weir.admin.v1.AuthService');
    await decisionNode.stop();
    expect(served).toBe(HealthCheckResponse_ServingStatus.SERVING);
    expect(notServed).toBe(status.NOT_FOUND);
  });
});

/** A database in which another node has created the schema: a node of the role decision does not. */
async function newMigratedDatabase(): Promise<string> {
  const url = await newDatabase();
  const writer = await TestNode.start({ DATABASE_URL: url });
  await writer.stop();
  return url;
}
