import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from './free-port.ts';
import { findRedisServer } from './programs/find-redis.ts';

export interface RunningRedis {
  readonly url: string;
  readonly port: number;
  /** undefined: the server runs in Docker or comes from REDIS_URL, so tests cannot send it signals. */
  readonly pid: number | undefined;
  /** May be called more than once. */
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  /** By default a free port. */
  readonly port?: number;
  /** Command-line arguments, such as `--requirepass`. The path of a configuration file may come first. */
  readonly extraArguments?: readonly string[];
  /** Environment variables of the server, in addition to those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Snapshot (RDB) that the server loads. */
  readonly snapshot?: Uint8Array;
}

const IMAGE = 'valkey/valkey:8-alpine';
const START_TIMEOUT_MS = 60_000;
const DOCKER_START_TIMEOUT_MS = 120_000; // Docker may have to pull the image first

/**
 * Uses the server that REDIS_URL names. Without one, starts a server. A server from REDIS_URL is shared, so each test must
 * use keys of its own.
 */
export async function useRedis(): Promise<RunningRedis> {
  const url = readEnvironment('REDIS_URL');
  if (url === undefined) return startRedis();
  return { url, port: Number(new URL(url).port || 6379), pid: undefined, stop: async () => undefined };
}

/**
 * Starts a server on 127.0.0.1 that nobody else uses and that persists nothing. Tries the PATH, then apt, then Docker.
 * Rejects with a one-line error that says how to get a Redis.
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RunningRedis> {
  const { port = await findFreePort(), extraArguments = [] } = options;
  const program = await findRedisServer();
  if (program !== undefined) return startProgram(program, port, options);
  if (commandSucceeds('docker', ['info'])) return startContainer(port, extraArguments);
  throw new Error(
    'no Redis found: set REDIS_URL, put redis-server (7 or later) or valkey-server on the PATH, or start Docker',
  );
}

/**
 * Like startRedis, but never in a container. For servers that a test kills, and for servers that connect to each other.
 */
export async function startRedisProcess(options: RedisServerOptions = {}): Promise<RunningRedis> {
  const program = await findRedisServer();
  if (program === undefined)
    throw new Error('no Redis found: put redis-server (7 or later) or valkey-server on the PATH');
  return startProgram(program, options.port ?? (await findFreePort()), options);
}

async function startProgram(
  program: string,
  port: number,
  { extraArguments = [], environment = {}, snapshot }: RedisServerOptions,
): Promise<RunningRedis> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-redis-'));
  if (snapshot !== undefined) await writeFile(path.join(folder, 'dump.rdb'), snapshot);
  const child = spawn(
    program,
    [
      ...extraArguments,
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
    ],
    { stdio: 'ignore', env: { ...process.env, ...environment } },
  );
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async () => {
    process.off('exit', kill);
    await killAndWait(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitUntilReady(port, START_TIMEOUT_MS);
    // Without this, a Redis of somebody else on this port would pass for this one.
    if (child.exitCode !== null) throw new Error(`Redis ended with exit code ${child.exitCode} when it started`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis://127.0.0.1:${port}`, port, pid: child.pid, stop };
}

/** Kills the process with SIGKILL, the only signal that also ends a process stopped by SIGSTOP. */
async function killAndWait(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

async function startContainer(port: number, serverOptions: readonly string[]): Promise<RunningRedis> {
  const name = `weir-redis-${process.pid}-${port}`;
  const options = ['run', '--detach', '--rm', '--name', name, '--publish', `127.0.0.1:${port}:6379`];
  const { status, stderr } = spawnSync('docker', [...options, IMAGE, 'valkey-server', ...serverOptions], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Docker could not start ${IMAGE}: ${stderr.trim()}`);
  await waitUntilReady(port, DOCKER_START_TIMEOUT_MS);
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) spawnSync('docker', ['kill', name], { stdio: 'ignore' });
    isStopped = true;
  };
  return { url: `redis://127.0.0.1:${port}`, port, pid: undefined, stop };
}

async function waitUntilReady(port: number, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isAnswering(port))) {
    if (performance.now() > deadline) throw new Error(`Redis on port ${port} did not answer within ${timeoutMs} ms`);
    await sleep(10);
  }
}

function isAnswering(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const finish = (isAlive: boolean) => {
      socket.destroy();
      resolve(isAlive);
    };
    socket.setTimeout(1000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.once('data', (data) => finish(/^(\+PONG|-NOAUTH)/.test(data.toString('latin1'))));
  });
}

function commandSucceeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function readEnvironment(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}
