import { freePort } from '../../provision/free-port.ts';
import { startRedis } from '../../provision/redis.ts';
import { generateApiKey } from '../../src/identity/secrets/api-key-secret.ts';
import { createApiKeys } from '../catalog/create-api-keys.ts';
import { createTokens } from '../catalog/create-tokens.ts';
import { createFullCatalog } from '../catalog/full-catalog.ts';
import type { LoadQuestions, Processes } from '../load/load-job.ts';
import type { Options, Peer } from '../options.ts';
import { type Children, nextMessage, pidOf } from '../processes/child-processes.ts';
import { inspectorArgument } from '../processes/heap-inspector.ts';
import { startFloor } from './start-floor.ts';
import { type Surroundings, startWeir } from './start-weir.ts';

/** One way to ask a server. */
export interface Case {
  readonly keys: number;
  readonly limits: Limits;
  readonly questions: LoadQuestions;
}

/**
 * What each key is limited by: one limit, one so low that nearly all is refused, three, or one that may be leased. Or
 * that there are no such keys: the catalog does not know them, or their checksum is wrong.
 */
export type Limits = 'one' | 'refused' | 'three' | 'leased' | 'unknown' | 'garbage';

export interface BenchServer {
  readonly name: string;
  readonly port: number;
  readonly processes: Processes;
  readonly cases: readonly Case[];
  /** Share of calls that may get no verdict before the run is void. */
  readonly toleratedErrors: number;
  /** Where Node's inspector listens, if it does. */
  readonly inspectorPort?: number | undefined;
}

export const ECHO = 'grpc-js echo';
export const FLOOR = 'floor';
export const ENGINE = 'engine';
export const MEMORY = 'RLS, memory';
export const REDIS = 'RLS, Redis';
export const CHECK = 'Check, API key';
export const CHECK_TOKEN = 'Check, JWT';
export const CHECK_MILLION = 'Check, 1,000,000 keys';

const MILLION = 1_000_000;

/** undefined: it cannot be started on this machine. */
type Start = (name: string, surroundings: Surroundings) => Promise<BenchServer | undefined>;

const STARTS: readonly (readonly [string, Start])[] = [
  [ECHO, startConstant(new URL('echo-server.ts', import.meta.url))],
  [FLOOR, startFloorServer],
  [ENGINE, startConstant(new URL('engine-server.ts', import.meta.url))],
  [MEMORY, startRateLimitInMemory],
  [REDIS, startRateLimitWithRedis],
  [CHECK, startCheckOf('api_key', createApiKeys)],
  [CHECK_TOKEN, startCheckOf('token', createTokens)],
  [CHECK_MILLION, startCheckOfMillion],
];

/** Descriptors of the rules in weir-server.ts. */
const DESCRIPTORS = { one: 'tenant', refused: 'scarce', three: 'triple', leased: 'leased' } as const;

const GRANTED = [1, 1000, 100_000].map((keys) => rateLimitCase(keys, 'one'));
const REFUSED = rateLimitCase(1000, 'refused');
const THREE = rateLimitCase(1000, 'three');
const LEASED = rateLimitCase(1, 'leased');

function rateLimitCase(keys: number, limits: keyof typeof DESCRIPTORS): Case {
  return { keys, limits, questions: { kind: 'rate_limit', domain: 'bench', key: DESCRIPTORS[limits], values: keys } };
}

/**
 * Who waits at most 15 ms for Redis answers UNAVAILABLE where the generator, the server and Redis share two cores and one
 * of them is not let run for that long. Those calls are counted and told.
 */
const LATE_REDIS = 0.005;

/** Starts the servers that the options ask for, and for ratios the yardstick. The folder takes their files. */
export async function startServers(options: Options, children: Children, folder: string): Promise<BenchServer[]> {
  const { mode, only, quick } = options;
  const isWanted = (name: string) => {
    if (name === ECHO) return mode === 'speed';
    if (name === FLOOR && mode !== 'speed') return false;
    // Its catalog takes a minute to make.
    if (name === CHECK_MILLION && (quick || mode === 'memory')) return false;
    return only.length === 0 || only.some((part) => name.includes(part));
  };
  const servers: BenchServer[] = [];
  for (const [name, start] of STARTS) {
    if (!isWanted(name)) continue;
    process.stderr.write(`bench: starts ${name}\n`);
    const inspectorPort = mode === 'memory' ? await freePort() : undefined;
    const execArgv = inspectorPort === undefined ? [] : [inspectorArgument(inspectorPort)];
    const server = await start(name, { children, folder, execArgv });
    if (server === undefined) process.stderr.write(`bench: ${name} cannot be started here\n`);
    else servers.push({ ...server, inspectorPort });
  }
  return [...servers, ...options.peers.map(peerServer)];
}

/** A program that answers a constant and tells its port. */
function startConstant(program: URL): Start {
  return async (name, { children, execArgv }) => {
    const child = children.fork(program, execArgv);
    const { port } = await nextMessage<{ port: number }>(child, name);
    return { name, port, processes: { server: [pidOf(child)], redis: [] }, cases: GRANTED, toleratedErrors: 0 };
  };
}

async function startFloorServer(name: string, { children, folder }: Surroundings): Promise<BenchServer | undefined> {
  const started = await startFloor(children, folder);
  if (started === undefined) return undefined;
  const { port, pid } = started;
  return { name, port, processes: { server: [pid], redis: [] }, cases: GRANTED, toleratedErrors: 0 };
}

async function startRateLimitInMemory(name: string, surroundings: Surroundings): Promise<BenchServer> {
  const { decisionPort, pid } = await startWeir(surroundings);
  return {
    name,
    port: decisionPort,
    processes: { server: [pid], redis: [] },
    cases: [...GRANTED, REFUSED, THREE],
    toleratedErrors: 0,
  };
}

async function startRateLimitWithRedis(name: string, surroundings: Surroundings): Promise<BenchServer> {
  const redis = await startRedis();
  surroundings.children.addStop(redis.stop);
  const { decisionPort, pid } = await startWeir(surroundings, { REDIS_URL: redis.url });
  return {
    name,
    port: decisionPort,
    processes: { server: [pid], redis: redis.pid === undefined ? [] : [redis.pid] },
    cases: [...GRANTED, REFUSED, THREE, LEASED],
    toleratedErrors: LATE_REDIS,
  };
}

function startCheckOf(
  credential: 'api_key' | 'token',
  create: (adminPort: number, count: number) => Promise<readonly string[]>,
): Start {
  return async (name, surroundings) => {
    const { decisionPort, adminPort, pid } = await startWeir(surroundings);
    const secrets = await create(adminPort, 1000);
    const cases = [1, 1000].map((keys): Case => {
      return { keys, limits: 'one', questions: { kind: 'check', credential, secrets: secrets.slice(0, keys) } };
    });
    return { name, port: decisionPort, processes: { server: [pid], redis: [] }, cases, toleratedErrors: 0 };
  };
}

/** Of all its keys a thousand are asked for, as of the server with no more; and as many that it does not have. */
async function startCheckOfMillion(name: string, surroundings: Surroundings): Promise<BenchServer> {
  const { children, folder } = surroundings;
  const { databaseUrl, secrets } = await createFullCatalog(children, folder, { keys: MILLION, known: 1000 });
  const { decisionPort, pid } = await startWeir(surroundings, { DATABASE_URL: databaseUrl });
  const unknown = secrets.map(() => generateApiKey());
  const garbage = unknown.map((secret) => `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`);
  const caseOf = (limits: Limits, asked: readonly string[]): Case => {
    return { keys: 1000, limits, questions: { kind: 'check', credential: 'api_key', secrets: asked } };
  };
  const cases = [caseOf('one', secrets), caseOf('unknown', unknown), caseOf('garbage', garbage)];
  return { name, port: decisionPort, processes: { server: [pid], redis: [] }, cases, toleratedErrors: 0 };
}

function peerServer({ name, port, pids }: Peer): BenchServer {
  return { name, port, processes: { server: pids, redis: [] }, cases: GRANTED, toleratedErrors: 0 };
}
