import { findFreePort } from '../../provision/free-port.ts';
import { startRedis } from '../../provision/redis.ts';
import { generateApiKey } from '../../src/identity/secrets/api-key-secret.ts';
import { createApiKeys } from '../catalog/create-api-keys.ts';
import { createFullCatalog } from '../catalog/create-full-catalog.ts';
import { createTokens } from '../catalog/create-tokens.ts';
import type { Options, Peer } from '../options.ts';
import { type ChildProcesses, receiveMessage, requirePid } from '../processes/child-processes.ts';
import { createInspectorArgument } from '../processes/heap-inspector.ts';
import {
  type BenchCase,
  type BenchServer,
  type CaseLimits,
  CHECK_API_KEY,
  CHECK_MILLION_KEYS,
  CHECK_TOKEN,
  ECHO,
  ENGINE,
  FLOOR,
  RLS_IN_MEMORY,
  RLS_WITH_REDIS,
} from './bench-server.ts';
import type { ReadyMessage } from './constant-server.ts';
import { startFloor } from './start-floor.ts';
import { type StartContext, startWeir } from './start-weir.ts';

/** Starts a server. undefined: this machine cannot start it. */
type StartServer = (name: string, context: StartContext) => Promise<BenchServer | undefined>;

const SERVERS: readonly { readonly name: string; readonly start: StartServer }[] = [
  { name: ECHO, start: createConstantServerStarter(new URL('echo-server.ts', import.meta.url)) },
  { name: FLOOR, start: startFloorServer },
  { name: ENGINE, start: createConstantServerStarter(new URL('engine-server.ts', import.meta.url)) },
  { name: RLS_IN_MEMORY, start: startRateLimitInMemory },
  { name: RLS_WITH_REDIS, start: startRateLimitWithRedis },
  { name: CHECK_API_KEY, start: createCheckStarter('api_key', createApiKeys) },
  { name: CHECK_TOKEN, start: createCheckStarter('token', createTokens) },
  { name: CHECK_MILLION_KEYS, start: startCheckWithMillionKeys },
];

const MILLION = 1_000_000;
/** Number of credentials in the larger case of a Check server. */
const CREDENTIALS = 1000;

/** Descriptor keys of the rules in start-weir.ts. */
const DESCRIPTOR_KEYS = { one: 'tenant', refused: 'scarce', three: 'triple', leased: 'leased' } as const;

const GRANTED_CASES = [1, 1000, 100_000].map((keys) => createRateLimitCase(keys, 'one'));
const REJECTED_CASE = createRateLimitCase(1000, 'refused');
const THREE_LIMITS_CASE = createRateLimitCase(1000, 'three');
const LEASED_CASE = createRateLimitCase(1, 'leased');

/**
 * Weir waits at most 15 ms for Redis. The generator, the server and Redis share two cores here, so one of them may not
 * run for that long. Then these calls end with UNAVAILABLE. They are counted and reported.
 */
const TOLERATED_LATE_REDIS = 0.005;

/** Starts the servers that the options select, and the yardstick for the ratios. */
export async function startServers(options: Options, children: ChildProcesses, folder: string): Promise<BenchServer[]> {
  const servers: BenchServer[] = [];
  for (const { name, start } of SERVERS) {
    if (!isSelected(name, options)) continue;
    process.stderr.write(`bench: starting ${name}\n`);
    const inspectorPort = options.mode === 'memory' ? await findFreePort() : undefined;
    const execArgv = inspectorPort === undefined ? [] : [createInspectorArgument(inspectorPort)];
    // The process that decides has the port after that of its control process.
    const server = await start(name, { children, folder, execArgv });
    if (server === undefined) process.stderr.write(`bench: this machine cannot start ${name}; leaving it out\n`);
    else
      servers.push({ ...server, inspectorPort: inspectorPort && inspectorPort + server.processes.server.length - 1 });
  }
  return [...servers, ...options.peers.map(createPeer)];
}

function isSelected(name: string, { mode, only, quick }: Options): boolean {
  if (name === ECHO) return mode === 'speed';
  if (name === FLOOR && mode !== 'speed') return false;
  // Its catalog takes a minute to create.
  if (name === CHECK_MILLION_KEYS && (quick || mode === 'memory')) return false;
  return only.length === 0 || only.some((part) => name.includes(part));
}

function createRateLimitCase(keys: number, limits: keyof typeof DESCRIPTOR_KEYS): BenchCase {
  const key = DESCRIPTOR_KEYS[limits];
  return { keys, limits, requests: { kind: 'rate_limit', domain: 'bench', key, values: keys } };
}

function createConstantServerStarter(program: URL): StartServer {
  return async (name, { children, execArgv }) => {
    const child = children.fork(program, execArgv);
    const { port } = await receiveMessage<ReadyMessage>(child, name);
    const processes = { server: [requirePid(child)], redis: [] };
    return { name, port, processes, cases: GRANTED_CASES, toleratedErrors: 0 };
  };
}

async function startFloorServer(name: string, { children, folder }: StartContext): Promise<BenchServer | undefined> {
  const floor = await startFloor(children, folder);
  if (floor === undefined) return undefined;
  const processes = { server: [floor.pid], redis: [] };
  return { name, port: floor.port, processes, cases: GRANTED_CASES, toleratedErrors: 0 };
}

async function startRateLimitInMemory(name: string, context: StartContext): Promise<BenchServer> {
  const weir = await startWeir(context);
  const cases = [...GRANTED_CASES, REJECTED_CASE, THREE_LIMITS_CASE];
  return { name, port: weir.decisionPort, processes: { server: weir.pids, redis: [] }, cases, toleratedErrors: 0 };
}

async function startRateLimitWithRedis(name: string, context: StartContext): Promise<BenchServer> {
  const redis = await startRedis();
  context.children.addStopAction(redis.stop);
  const weir = await startWeir(context, { REDIS_URL: redis.url });
  return {
    name,
    port: weir.decisionPort,
    processes: { server: weir.pids, redis: redis.pid === undefined ? [] : [redis.pid] },
    cases: [...GRANTED_CASES, REJECTED_CASE, THREE_LIMITS_CASE, LEASED_CASE],
    toleratedErrors: TOLERATED_LATE_REDIS,
  };
}

function createCheckStarter(
  credential: 'api_key' | 'token',
  createCredentials: (adminPort: number, count: number) => Promise<readonly string[]>,
): StartServer {
  return async (name, context) => {
    const { decisionPort, adminPort, pids } = await startWeir(context);
    const secrets = await createCredentials(adminPort, CREDENTIALS);
    const cases = [1, CREDENTIALS].map((keys): BenchCase => {
      return { keys, limits: 'one', requests: { kind: 'check', credential, secrets: secrets.slice(0, keys) } };
    });
    return { name, port: decisionPort, processes: { server: pids, redis: [] }, cases, toleratedErrors: 0 };
  };
}

/**
 * Uses as many of its keys as the server with few keys. Its other cases use API keys that the catalog does not have.
 */
async function startCheckWithMillionKeys(name: string, context: StartContext): Promise<BenchServer> {
  const { children, folder } = context;
  const { databaseUrl, secrets } = await createFullCatalog(children, folder, {
    keys: MILLION,
    keysWithSecret: CREDENTIALS,
  });
  const { decisionPort, pids } = await startWeir(context, { DATABASE_URL: databaseUrl });
  const unknown = secrets.map(() => generateApiKey());
  // The last characters are the checksum.
  const garbage = unknown.map((secret) => `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`);
  const createCase = (limits: CaseLimits, caseSecrets: readonly string[]): BenchCase => {
    return { keys: CREDENTIALS, limits, requests: { kind: 'check', credential: 'api_key', secrets: caseSecrets } };
  };
  const cases = [createCase('one', secrets), createCase('unknown', unknown), createCase('garbage', garbage)];
  return { name, port: decisionPort, processes: { server: pids, redis: [] }, cases, toleratedErrors: 0 };
}

function createPeer({ name, port, pids }: Peer): BenchServer {
  return { name, port, processes: { server: pids, redis: [] }, cases: GRANTED_CASES, toleratedErrors: 0 };
}
