import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { newDatabase } from '../support/databases.ts';
import type { GrpcClient } from '../support/grpc-client.ts';
import { ADMINISTRATOR } from '../support/node.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Figures, judge } from './check-bounds.ts';
import { NodeProcess } from './node-process.ts';
import { ConstantLoad } from './probe-load.ts';
import { ask, CHECKED_LIMIT, RULES, type Subject } from './probes.ts';
import type { OpenedServers, Place } from './scenario.ts';

/** Ahead of what is done to the servers, and after it: longer than recovery may take. */
const BEFORE_MS = 800;
const AFTER_MS = 2200;

/** Tests of two nodes over the servers of a place, one for each scenario, whose figures are told. */
export function suite<Servers>(place: Place<Servers>, onFigures?: (figures: Figures) => void): void {
  describe(`two nodes over ${place.name}, under constant load`, () => {
    const nodes: NodeProcess[] = [];
    let servers: Servers & OpenedServers;
    let secret: string;

    beforeAll(async () => {
      servers = await place.open();
      const folder = await createTemporaryFolder();
      const environment = {
        DATABASE_URL: await newDatabase(),
        REDIS_URL: servers.url,
        RULES_PATH: path.join(folder, 'rules.yaml'),
      };
      await writeFile(environment.RULES_PATH, RULES);
      nodes.push(...(await Promise.all([NodeProcess.start(environment), NodeProcess.start(environment)])));
      const clients = nodes.map(({ decision }) => decision);
      secret = await createKey(nodes);
      await Promise.all(nodes.map((node) => node.knowsNodes(2)));
      await warmUp(clients, { name: 'warm-up', secret });
    });
    afterAll(async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await servers?.stop();
    });

    it.each(place.scenarios)('$name', async (scenario) => {
      const clients = nodes.map(({ decision }) => decision);
      const subject = { name: scenario.name, secret };
      await scenario.prepare?.(servers);
      const load = new ConstantLoad(clients, subject);
      await sleep(BEFORE_MS);
      const course = await scenario.cause(servers);
      await sleep(AFTER_MS);
      const calls = await load.stop();
      const remaining = await remainingOf(clients, subject);
      const { figures, faults } = judge({ scenario, course, calls, remaining });
      onFigures?.(figures);
      expect(faults).toEqual([]);
      expect(nodes.map(({ hasEnded }) => hasEnded)).toEqual([false, false]);
    });
  });
}

/** Secret of an API key that all nodes know, on a plan whose limit denies while its store is away. */
async function createKey(nodes: readonly NodeProcess[]): Promise<string> {
  const [node] = nodes;
  if (node === undefined) throw new Error('no node was started');
  const { accessToken } = await node.admin.call(AuthServiceService.login, ADMINISTRATOR);
  const headers = { authorization: `Bearer ${accessToken}` };
  const plan = { displayName: 'chaos', limits: [CHECKED_LIMIT] };
  await node.admin.call(
    PlanServiceService.createPlan,
    CreatePlanRequest.fromPartial({ planId: 'chaos', plan }),
    headers,
  );
  const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'chaos', plan: 'plans/chaos' } });
  const { secret } = await node.admin.call(ApiKeyServiceService.createApiKey, request, headers);
  for (const { decision } of nodes) {
    const isKnown = () =>
      ask(decision, 'check', { name: '', secret }).then(
        () => true,
        () => false,
      );
    await waitUntil(isKnown);
  }
  return secret;
}

/** Until the nodes' code is compiled: their first calls are slow, whatever happens to Redis. */
async function warmUp(clients: readonly GrpcClient[], subject: Subject): Promise<void> {
  const load = new ConstantLoad(clients, subject);
  await sleep(1000);
  await load.stop();
}

/** Of the ledger's limit, before the hit that asks. */
async function remainingOf([client]: readonly GrpcClient[], subject: Subject): Promise<number> {
  if (client === undefined) throw new Error('no node was started');
  let remaining: number | undefined;
  await waitUntil(async () => {
    const answer = await ask(client, 'ledger', subject);
    if (answer.source === 'redis') remaining = answer.remaining + 1;
    return remaining !== undefined;
  });
  return remaining ?? Number.NaN;
}
