// npm run bench:envoy: what the filters of a real Envoy add to the latency of a request. Writes its part of
// docs/benchmarks.md. `-- --peer PROGRAM` also measures a built envoyproxy/ratelimit, which takes 8 minutes in all.
// `-- --quick` takes less than a minute and only prints.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { findFreePort } from '../../provision/free-port.ts';
import { findEnvoy } from '../../provision/programs/find-envoy.ts';
import { startRedis } from '../../provision/redis.ts';
import { createApiKeys } from '../catalog/create-api-keys.ts';
import { ChildProcesses, hasExited } from '../processes/child-processes.ts';
import { stopOnSignal } from '../processes/stop-on-signal.ts';
import { updateBenchmarksPage } from '../report/benchmarks-page.ts';
import { describeMachine } from '../report/machine.ts';
import { formatTargetTable } from '../report/result-tables.ts';
import { startFloor } from '../servers/start-floor.ts';
import { createServerFolder, startWeir } from '../servers/start-weir.ts';
import { buildEnvoyConfiguration, type EnvoyListener, type FilterName } from './envoy-listeners.ts';
import {
  BOTH_FILTERS,
  checkEnvoyTargets,
  EXT_AUTHZ,
  formatEnvoyTable,
  LEASED_RATE_LIMIT,
  RATE_LIMIT,
} from './envoy-results.ts';
import { type Backend, type EnvoyPlan, type MeasuredListener, measureAddedLatency } from './measure-added-latency.ts';
import { createPoissonLoad } from './poisson-load.ts';
import { startRatelimit } from './start-ratelimit.ts';

const TENANTS = 1_000;
const FULL_PLAN: EnvoyPlan = {
  rounds: 3,
  // A slow rate needs more time for as many requests.
  rates: [
    { requestsPerSecond: 300, seconds: 8 },
    { requestsPerSecond: 1_500, seconds: 5 },
    { requestsPerSecond: 500, seconds: 6 },
    { requestsPerSecond: 2_000, seconds: 4 },
    { requestsPerSecond: 5_000, seconds: 3 },
  ],
  warmUpSeconds: 0.5,
};
const QUICK_PLAN: EnvoyPlan = {
  rounds: 1,
  rates: [{ requestsPerSecond: 300, seconds: 2 }],
  warmUpSeconds: 0.5,
};
/** Load on each listener before the first round, until V8 has compiled the hot code. */
const FIRST_WARM_UP = { requestsPerSecond: 1_000, warmUpSeconds: 3.5, seconds: 0.5, seed: 0 };
const ENVOY_START_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 50;

type FilteredListener = EnvoyListener & MeasuredListener;

const { values } = parseArgs({ options: { peer: { type: 'string' }, quick: { type: 'boolean', default: false } } });
const children = new ChildProcesses();
const folder = await createServerFolder();
const stopper = stopOnSignal(children, folder);
try {
  await run();
} finally {
  await stopper.stop();
}

async function run(): Promise<void> {
  const { listeners, secrets } = await startServers();
  const requests = secrets.map((secret, index) =>
    [
      'GET /v1/orders HTTP/1.1',
      'host: api.example.com',
      `x-tenant: acme-${index}`,
      `x-api-key: ${secret}`,
      '\r\n',
    ].join('\r\n'),
  );
  const send = await createPoissonLoad(folder, requests);
  const plan = values.quick ? QUICK_PLAN : FULL_PLAN;
  if (!values.quick) for (const { port } of listeners) await send({ ...FIRST_WARM_UP, port });
  const rows = await measureAddedLatency(listeners, plan, send);
  const targets = checkEnvoyTargets(rows);
  process.stdout.write(`${formatEnvoyTable(rows)}\n`);
  if (targets.length > 0) process.stdout.write(`\n${formatTargetTable(targets)}\n`);
  if (!values.quick) {
    const command = `npm run bench:envoy${values.peer === undefined ? '' : ' -- --peer PROGRAM'}`;
    updateBenchmarksPage({ envoy: { machine: describeMachine(), command, rounds: plan.rounds, rows } });
  }
}

/** Starts Weir, envoyproxy/ratelimit if there is one, each with a Redis of its own, and Envoy in front of them. */
async function startServers() {
  const weir = await startWeir({ children, folder, execArgv: [] }, { REDIS_URL: (await startOwnRedis()).url });
  const secrets = await createApiKeys(weir.adminPort, TENANTS);
  const listeners = [
    await createListener('none', undefined, ''),
    ...(await createFloorListener()),
    await createListener('Weir', weir.decisionPort, RATE_LIMIT, 'ratelimit'),
    await createListener('Weir', weir.decisionPort, LEASED_RATE_LIMIT, 'leased_ratelimit'),
    ...(values.peer === undefined ? [] : [await createPeerListener(values.peer)]),
    await createListener('Weir', weir.decisionPort, EXT_AUTHZ, 'ext_authz'),
    await createListener('Weir', weir.decisionPort, BOTH_FILTERS, 'ext_authz', 'ratelimit'),
  ];
  await startEnvoy(listeners);
  return { listeners, secrets };
}

/** A server that decides nothing and is as cheap as one can be: what it adds is the cost of Envoy's filter alone. */
async function createFloorListener(): Promise<FilteredListener[]> {
  const floor = await startFloor(children, folder);
  return floor === undefined ? [] : [await createListener('floor', floor.port, RATE_LIMIT, 'ratelimit')];
}

async function createPeerListener(program: string): Promise<FilteredListener> {
  const grpcPort = await startRatelimit(program, (await startOwnRedis()).port, { children, folder });
  return createListener('ratelimit', grpcPort, RATE_LIMIT, 'ratelimit');
}

async function createListener(
  backend: Backend,
  serverPort: number | undefined,
  filter: string,
  ...filters: readonly FilterName[]
): Promise<FilteredListener> {
  const port = await findFreePort();
  return { port, backend, serverPort, filter, filters };
}

async function startOwnRedis() {
  const redis = await startRedis();
  children.addStopAction(redis.stop);
  return redis;
}

async function startEnvoy(listeners: readonly EnvoyListener[]): Promise<void> {
  const [program, adminPort, upstreamPort] = [await findEnvoy(), await findFreePort(), await findFreePort()];
  const file = path.join(folder, 'envoy.json');
  await writeFile(file, JSON.stringify(buildEnvoyConfiguration(adminPort, upstreamPort, listeners)));
  // Hot restart would share memory with every other Envoy on this machine.
  const args = ['-c', file, '--concurrency', '2', '--disable-hot-restart', '--log-level', 'error'];
  const child = children.track(spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] }));
  const deadline = performance.now() + ENVOY_START_TIMEOUT_MS;
  while (!(await isReady(adminPort))) {
    if (performance.now() > deadline || hasExited(child)) throw new Error('envoy: did not become ready');
    await delay(READY_POLL_MS);
  }
}

async function isReady(adminPort: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${adminPort}/ready`)).ok;
  } catch {
    return false;
  }
}
