import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from '../../demo/admin-client.ts';
import { AUTHZ_AND_RATE_LIMIT_PATH, AUTHZ_ONLY_PATH, createRequestWithKey } from '../../demo/checks/check.ts';
import { sendOverHttp1 } from '../../demo/http-clients.ts';
import { startEnvoy } from '../../demo/start-envoy.ts';
import { startUpstream } from '../../demo/upstream.ts';
import { startRedis } from '../../provision/redis.ts';
import { TokenInfoServiceService } from '../../src/generated/weir/admin/v1/token_info_service.ts';
import { GrpcClient } from '../support/clients/grpc-client.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMINISTRATOR, type Environment, NODE_SECRETS } from '../support/node.ts';
import { startWeirProcess, type WeirPorts, type WeirProcess } from '../support/weir-process.ts';

const CONCURRENT_REQUESTS = 8;
/** More than the test can send. The counter says how often requests were counted. */
const LIMIT = 1_000_000;
/** The configuration has a descriptor for the client's address, and Weir rejects it without a rule. */
const RULES = `domain: plans
descriptors: [{key: remote_address, rate_limit: {requests: ${LIMIT}, window: 1h}}]
`;
/** Requests that are sent at least. `npm run test:rolling-restart` sends more, with the stop of deploy/helm/weir. */
const MIN_REQUESTS = Number(process.env.ROLLING_RESTART_REQUESTS ?? 500);
const CHART_STOP = { SHUTDOWN_DELAY_MS: '5000', SHUTDOWN_TIMEOUT_MS: '25000', DECISION_MAX_CONNECTION_AGE: '5m' };
/** How long both nodes decide between two restarts, so that Envoy has connections to both. */
const PAUSE_MS = 2000;

const resources = new AsyncDisposableStack();
let environment: Environment;
beforeAll(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-rolling-restart-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const rulesPath = path.join(folder, 'rules.yaml');
  await writeFile(rulesPath, RULES);
  const redis = await startRedis();
  resources.defer(() => redis.stop());
  environment = {
    DATABASE_URL: await newDatabase(),
    REDIS_URL: redis.url,
    // A node that decides without Redis, because it answers late on a busy machine, would not count there.
    REDIS_DEADLINE_MS: '2000',
    RULES_PATH: rulesPath,
    ...NODE_SECRETS,
    ...(process.env.ROLLING_RESTART_REQUESTS !== undefined && CHART_STOP),
  };
}, 600_000);
afterAll(() => resources.disposeAsync());

/** A node whose process can be replaced by another one on the same ports. */
class RestartableNode {
  readonly ports: WeirPorts;
  #weir: WeirProcess;

  private constructor(weir: WeirProcess, ports: WeirPorts) {
    this.#weir = weir;
    this.ports = ports;
  }

  static async start(): Promise<RestartableNode> {
    const { weir, ports } = await startWeirProcess(environment);
    const node = new RestartableNode(weir, ports);
    resources.defer(() => node.stop());
    return node;
  }

  async restart(): Promise<void> {
    expect(await this.#weir.stop()).toBe(0);
    this.#weir = (await startWeirProcess(environment, undefined, this.ports)).weir;
  }

  /** Decisions since the last start. */
  async countDecisions(): Promise<number> {
    const metrics = await (await fetch(`http://127.0.0.1:${this.ports.http}/metrics`)).text();
    return [...metrics.matchAll(/^weir_decisions_total\{.*\} (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
  }

  async stop(): Promise<void> {
    await this.#weir.stop();
  }
}

/** Creates a key on a plan with the limit, and returns its secret. */
async function createKey({ ports }: RestartableNode): Promise<string> {
  const admin = await AdminClient.signIn(`127.0.0.1:${ports.admin}`, ADMINISTRATOR);
  resources.defer(() => admin.close());
  const plan = `large-${randomUUID()}`;
  await admin.createPlan(plan, LIMIT, '3600s');
  return (await admin.createKey(plan)).secret;
}

/** Waits until a node has read a key that another node has created. */
async function waitForKey({ ports }: RestartableNode, secret: string): Promise<void> {
  const admin = new GrpcClient(ports.admin);
  resources.defer(() => admin.close());
  await expect
    .poll(async () => (await admin.call(TokenInfoServiceService.getTokenInfo, { secret })).apiKey)
    .not.toBe('');
}

interface Load {
  /** The statuses of the answers so far. */
  readonly statuses: readonly number[];
  stop(): Promise<void>;
}

/** Sends requests through one filter and through both, until it is stopped. */
function startLoad(origin: string, secret: string): Load {
  const statuses: number[] = [];
  let isStopped = false;
  const sendRequests = async (): Promise<void> => {
    while (!isStopped) {
      for (const path of [AUTHZ_ONLY_PATH, AUTHZ_AND_RATE_LIMIT_PATH])
        statuses.push((await sendOverHttp1(origin, createRequestWithKey(path, { secret }))).status);
    }
  };
  const running = Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, sendRequests));
  return {
    statuses,
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

describe('two nodes behind an Envoy with envoy/envoy.yaml', () => {
  it(
    'restart in turn under load without a failed request, and count each request once',
    async () => {
      const [first, second] = [await RestartableNode.start(), await RestartableNode.start()];
      const secret = await createKey(first);
      await waitForKey(second, secret);
      const upstream = await startUpstream('127.0.0.1', 0);
      resources.defer(() => upstream.stop());
      const envoy = await startEnvoy({
        weirPort: first.ports.decision,
        secondWeirPort: second.ports.decision,
        upstreamPort: upstream.port,
      });
      resources.defer(() => envoy.stop());

      const load = startLoad(envoy.origin, secret);
      const { statuses } = load;
      do {
        for (const node of [first, second]) {
          await sleep(PAUSE_MS);
          expect(await node.countDecisions()).toBeGreaterThan(0);
          await node.restart();
        }
      } while (statuses.length < MIN_REQUESTS);
      await sleep(PAUSE_MS);
      await load.stop();

      expect(statuses.length).toBeGreaterThan(MIN_REQUESTS);
      expect([...new Set(statuses)]).toEqual([200]);
      for (const node of [first, second]) expect(await node.countDecisions()).toBeGreaterThan(0);
      const { headers } = await sendOverHttp1(envoy.origin, createRequestWithKey(AUTHZ_ONLY_PATH, { secret }));
      expect(Number(headers['x-ratelimit-remaining'])).toBe(LIMIT - statuses.length - 1);
    },
    120_000 + MIN_REQUESTS * 10,
  );
});
