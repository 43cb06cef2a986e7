import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningRedis, useRedis } from '../../../provision/redis.ts';
import { createQuery, openDatabase } from '../../../src/database/open-database.ts';
import { RateLimitResponse_Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { OverviewServiceService } from '../../../src/generated/weir/admin/v1/overview_service.ts';
import type { PartHealth } from '../../../src/telemetry/node-health.ts';
import type { NodeStatusReport } from '../../../src/telemetry/node-status.ts';
import { check, httpStatus, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMINISTRATOR, NODE_SECRETS } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startWeirProcess } from '../../support/weir-process.ts';

const DOMAIN = 'workers-test';
const WORKERS = 2;
const CONNECTIONS = 8;

const formatRules = (reloaded: number) => `domain: ${DOMAIN}
descriptors:
  - { key: plenty, rate_limit: { requests: 1000000, window: 1h } }
  - { key: few, rate_limit: { requests: 50, window: 1h, on_store_failure: deny } }
  - { key: reloaded, rate_limit: { requests: ${reloaded}, window: 1h } }
`;

let folder: string;
let redis: RunningRedis;
let databaseUrl: string;
let started: Awaited<ReturnType<typeof startWeirProcess>>;
let clients: readonly GrpcClient[];
const rulesFile = () => path.join(folder, 'rules.yaml');

beforeAll(async () => {
  redis = await useRedis();
  databaseUrl = await newDatabase();
  folder = await mkdtemp(path.join(tmpdir(), 'weir-workers-'));
  await writeFile(rulesFile(), formatRules(1_000_000));
  started = await startWeirProcess({
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    REDIS_DEADLINE_MS: '2000',
    RULES_PATH: rulesFile(),
    ...NODE_SECRETS,
    SHUTDOWN_DELAY_MS: '300',
    WORKERS: String(WORKERS),
  });
  // Clients of grpc-js share connections otherwise.
  const options = { 'grpc.use_local_subchannel_pool': 1 };
  clients = Array.from({ length: CONNECTIONS }, () => new GrpcClient(started.ports.decision, '127.0.0.1', options));
});
afterAll(async () => {
  for (const client of clients ?? []) client.close();
  if (started?.weir.hasExited === false) started.weir.killGroup('SIGKILL');
  await started?.weir.exited;
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function isGranted(client: GrpcClient, key = 'plenty'): Promise<boolean> {
  const { overallCode } = await shouldRateLimit(client, DOMAIN, [key, 'a']);
  return overallCode === RateLimitResponse_Code.OK;
}

const fetchNode = (file: string) => fetch(`http://127.0.0.1:${started.ports.http}${file}`);

async function countDecisions(): Promise<number> {
  const text = await (await fetchNode('/metrics')).text();
  const values = Array.from(text.matchAll(/^weir_decisions_total\{question="rate_limit".*\} (\d+)$/gm));
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Reads the part `workers` of the status. */
async function readWorkers(): Promise<PartHealth | undefined> {
  const { parts } = (await (await fetchNode('/status')).json()) as NodeStatusReport;
  return parts.find(({ name }) => name === 'workers');
}

/** Returns the number of connections of the data plane that a process has. */
function countConnections(pid: number): number {
  const port = started.ports.decision.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  const established = fields.filter(([, local, , state]) => local?.endsWith(`:${port}`) && state === '01');
  const inodes = new Set(established.map((line) => `socket:[${line[9]}]`));
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false; // it has been closed since
    }
  }).length;
}

const connectionsOfWorkers = () => started.weir.workerPids.map(countConnections);

describe('a node with several workers', () => {
  it('distributes the connections evenly', async () => {
    for (const client of clients) expect(await isGranted(client)).toBe(true);
    expect(connectionsOfWorkers()).toEqual(Array(WORKERS).fill(CONNECTIONS / WORKERS));
  });

  it('grants exactly the limit over all of them', async () => {
    const asked = Array.from({ length: 80 }, (_, index) =>
      isGranted(clients[index % CONNECTIONS] as GrpcClient, 'few'),
    );
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(50);
  });

  it('has the metrics of all', async () => {
    expect(await countDecisions()).toBe(CONNECTIONS + 80);
    const text = await (await fetchNode('/metrics')).text();
    expect(text).toMatch(/^weir_workers 2$/m);
    expect(text).toMatch(/^process_resident_memory_bytes\{process="primary"\} [1-9]/m);
    await expect
      .poll(async () => (await (await fetchNode('/metrics')).text()).includes('weir_live_nodes 2\n'))
      .toBe(true);
  });

  it('has the decisions of all in its overview', async () => {
    const admin = new GrpcClient(started.ports.admin);
    const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
    const headers = { authorization: `Bearer ${accessToken}` };
    const { decisions, liveNodes, parts } = await admin.call(OverviewServiceService.getOverview, {}, headers);
    admin.close();
    const counted = decisions?.counts.reduce((sum, { count }) => sum + count, 0);
    expect({ counted, liveNodes }).toEqual({ counted: await countDecisions(), liveNodes: WORKERS });
    expect(decisions?.latencies).toMatchObject([{ question: 'rate_limit', count: counted }]);
    expect(parts.map(({ name }) => name)).toContain('workers');
  });

  it('applies a change of the rules in all', async () => {
    await writeFile(rulesFile(), formatRules(1));
    for (const client of clients) await waitUntil(async () => !(await isGranted(client, 'reloaded')));
  });

  it('replaces a worker that is killed, without a failed call on the others and without lower metrics', async () => {
    const [victim] = started.weir.workerPids;
    if (victim === undefined) throw new Error('the node has no worker');
    const affected = countConnections(victim);
    const before = await countDecisions();
    let isLoaded = true;
    const loads = clients.map(async (client) => {
      let failures = 0;
      while (isLoaded) {
        await isGranted(client).catch(() => failures++);
        await sleep(1); // a client without a connection fails at once
      }
      return failures;
    });
    const readiness: number[] = [];
    process.kill(victim, 'SIGKILL');
    await waitUntil(async () => {
      readiness.push((await fetchNode('/readyz')).status);
      return started.weir.printed.includes('the decision process serves again');
    });
    isLoaded = false;
    const failures = await Promise.all(loads);
    expect(failures.filter((count) => count > 0).length).toBeLessThanOrEqual(affected);
    expect(new Set(readiness)).toEqual(new Set([200]));
    expect(started.weir.workerPids).toHaveLength(WORKERS);
    expect(started.weir.workerPids).not.toContain(victim);
    expect(await countDecisions()).toBeGreaterThanOrEqual(before);
  });

  it('stays ready while a worker hangs, and reports it', async () => {
    const [pid] = started.weir.workerPids;
    if (pid === undefined) throw new Error('the node has no worker');
    process.kill(pid, 'SIGSTOP');
    try {
      await waitUntil(async () => (await readWorkers())?.message === '1 of 2 workers decide');
      await waitUntil(async () => (await fetchNode('/readyz')).ok);
      expect(await countDecisions()).toBeGreaterThan(0);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await waitUntil(async () => (await readWorkers())?.health === 'healthy');
  });

  it('serves on the same port again after its primary process was killed', async () => {
    const { primaryPid, workerPids } = started.weir;
    process.kill(primaryPid ?? Number.NaN, 'SIGKILL');
    await waitUntil(() => started.weir.workerPids.length === WORKERS && started.weir.primaryPid !== primaryPid);
    await waitUntil(async () => (await fetchNode('/readyz')).ok);
    expect(started.weir.workerPids.filter((pid) => workerPids.includes(pid))).toEqual([]);
    for (const client of clients) await waitUntil(() => isGranted(client).catch(() => false));
  });

  it('finishes the calls of all at a stop, and loses no usage', async () => {
    const admin = new GrpcClient(started.ports.admin);
    const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
    const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'test', plan: 'plans/enterprise' } });
    const headers = { authorization: `Bearer ${accessToken}` };
    const { secret } = await admin.call(ApiKeyServiceService.createApiKey, request, headers);
    admin.close();
    const ask = () => Promise.all(clients.map((client) => check(client, { 'x-api-key': secret })));
    const first = await ask(); // each worker knows the key as soon as it was created
    started.weir.kill('SIGTERM');
    const answers = [...first, ...(await ask())];
    await sleep(100); // in the delay of the stop
    answers.push(...(await ask()));
    expect(answers.map(httpStatus)).toEqual(Array(CONNECTIONS * 3).fill(200));
    expect(await started.weir.exited).toBe(0);
    const database = await openDatabase({ url: databaseUrl });
    const [row] = await createQuery(database)('select sum(allowed)::int as allowed from usage_hour', []);
    await database.close(true);
    expect(row).toEqual({ allowed: CONNECTIONS * 3 });
  });
});
