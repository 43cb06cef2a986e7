import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import type { GrpcClient } from '../support/clients/grpc-client.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMINISTRATOR } from '../support/node.ts';
import { waitUntil } from '../support/wait-until.ts';
import { checkBounds } from './check-bounds.ts';
import type { Figures } from './figures.ts';
import { NodeProcess } from './node-process.ts';
import { NODE_COUNT } from './observation.ts';
import { ProbeLoad } from './probe-load.ts';
import { CHECK_LIMIT, type ProbeSubject, RULES, sendProbe } from './probes.ts';
import type { RedisSetup, RunningServers } from './scenarios/scenario.ts';

/** Time under load before the disruption. */
const BEFORE_MS = 800;
/** Time under load after the disruption: longer than the recovery may take. */
const AFTER_MS = 2200;
const WARM_UP_MS = 1000;

/** Defines a test for each scenario of a Redis setup. `onFigures` receives the figures of each, even if it fails. */
export function defineChaosTests<Servers>(setup: RedisSetup<Servers>, onFigures?: (figures: Figures) => void): void {
  describe(`two nodes on ${setup.name} under constant load`, () => {
    const nodes: NodeProcess[] = [];
    let clients: GrpcClient[] = [];
    let servers: Servers & RunningServers;
    let secret: string;

    beforeAll(async () => {
      servers = await setup.start();
      const environment = {
        DATABASE_URL: await newDatabase(),
        REDIS_URL: servers.url,
        RULES_PATH: path.join(await createTemporaryFolder(), 'rules.yaml'),
      };
      await writeFile(environment.RULES_PATH, RULES);
      const starting = Array.from({ length: NODE_COUNT }, () => NodeProcess.start(environment));
      nodes.push(...(await Promise.all(starting)));
      clients = nodes.map(({ decision }) => decision);
      secret = await createApiKey(nodes);
      await Promise.all(nodes.map((node) => node.waitForLiveNodes(NODE_COUNT)));
      await warmUp(clients, { name: 'warm-up', secret });
    });
    afterAll(async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await servers?.stop();
    });

    it.each(setup.scenarios)('stay within the bounds: $name', async (scenario) => {
      // A scenario that is tried again must not find its hits of before.
      const subject = { name: `${scenario.name} ${randomUUID()}`, secret };
      await scenario.prepare?.(servers);
      const load = new ProbeLoad(clients, subject);
      await sleep(BEFORE_MS);
      const disruption = await scenario.disrupt(servers);
      await sleep(AFTER_MS);
      const calls = await load.stop();
      const auditRemaining = await readAuditRemaining(clients, subject);
      const { figures, violations } = checkBounds({ scenario, disruption, calls, auditRemaining });
      onFigures?.(figures);
      expect(violations).toEqual([]);
      expect(nodes.filter(({ hasExited }) => hasExited)).toEqual([]);
    });
  });
}

/** Creates an API key on a plan with `CHECK_LIMIT` and returns its secret, once every node accepts it. */
async function createApiKey(nodes: readonly NodeProcess[]): Promise<string> {
  const [node] = nodes;
  if (node === undefined) throw new Error('nodes: must not be empty');
  const { accessToken } = await node.admin.call(AuthServiceService.login, ADMINISTRATOR);
  const headers = { authorization: `Bearer ${accessToken}` };
  const plan = { displayName: 'chaos', limits: [CHECK_LIMIT] };
  const planRequest = CreatePlanRequest.fromPartial({ planId: 'chaos', plan });
  await node.admin.call(PlanServiceService.createPlan, planRequest, headers);
  const keyRequest = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'chaos', plan: 'plans/chaos' } });
  const { secret } = await node.admin.call(ApiKeyServiceService.createApiKey, keyRequest, headers);
  for (const { decision } of nodes) {
    const isAccepted = () =>
      sendProbe(decision, 'check', { name: '', secret }).then(
        () => true,
        () => false,
      );
    await waitUntil(isAccepted);
  }
  return secret;
}

/** Runs the load until V8 has compiled the code of the nodes. Until then calls are slow without any disruption. */
async function warmUp(clients: readonly GrpcClient[], subject: ProbeSubject): Promise<void> {
  const load = new ProbeLoad(clients, subject);
  await sleep(WARM_UP_MS);
  await load.stop();
}

/** Reads the hits that the limit of `audit` still allows. Reading charges a hit, which the result does not include. */
async function readAuditRemaining([client]: readonly GrpcClient[], subject: ProbeSubject): Promise<number> {
  if (client === undefined) throw new Error('clients: must not be empty');
  let remaining: number | undefined;
  await waitUntil(async () => {
    const response = await sendProbe(client, 'audit', subject);
    if (response.source === 'redis') remaining = response.remaining + 1;
    return remaining !== undefined;
  });
  return remaining ?? Number.NaN;
}
