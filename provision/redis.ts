import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findRedisProgram } from './find-redis.ts';
import { freePort } from './free-port.ts';

export interface RunningRedis {
  readonly url: string;
  readonly port: number;
  /** undefined: the server is not ours to signal (Docker, REDIS_URL). */
  readonly pid: number | undefined;
  /** Does nothing the second time. */
  stop(): Promise<void>;
}

export interface RedisChoices {
  /** Else a free one. */
  readonly port?: number;
  /** The server's own options, such as `--requirepass`; the path of a configuration file may stand first. */
  readonly options?: readonly string[];
  /** Variables of its process, beside those of this one. */
  readonly environment?: Readonly<Record<string, string>>;
}

const IMAGE = 'valkey/valkey:8-alpine';
const START_TIMEOUT_MS = 10_000;
const DOCKER_START_TIMEOUT_MS = 120_000; // the image may have to come first

/** The server that REDIS_URL names, else one of our own. Who shares a server keeps to keys of its own. */
export async function useRedis(): Promise<RunningRedis> {
  const url = readEnvironment('REDIS_URL');
  if (url === undefined) return startRedis();
  return { url, port: Number(new URL(url).port || 6379), pid: undefined, stop: async () => undefined };
}

/**
 * A server of our own on 127.0.0.1 that keeps nothing: from the PATH, else by apt, else by Docker; throws one line that
 * says how to get one.
 */
export async function startRedis(choices: RedisChoices = {}): Promise<RunningRedis> {
  const { port = await freePort(), options = [] } = choices;
  const program = await findRedisProgram();
  if (program !== undefined) return startProgram(program, port, choices);
  if (succeeds('docker', ['info'])) return startContainer(port, options);
  throw new Error(
    'no Redis: set REDIS_URL, or put redis-server (7 or later) or valkey-server on the PATH, or start Docker',
  );
}

/** As startRedis, for what a container would not do: servers that are killed, or that find each other. */
export async function startRedisProcess(choices: RedisChoices = {}): Promise<RunningRedis> {
  const program = await findRedisProgram();
  if (program === undefined) throw new Error('put redis-server (7 or later) or valkey-server on the PATH');
  return startProgram(program, choices.port ?? (await freePort()), choices);
}

async function startProgram(
  program: string,
  port: number,
  { options = [], environment = {} }: RedisChoices,
): Promise<RunningRedis> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-redis-'));
  const child = spawn(
    program,
    [...options, '--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
    { stdio: 'ignore', env: { ...process.env, ...environment } },
  );
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async () => {
    process.off('exit', kill);
    await killed(child);
    await rm(folder, { recursive: true, force: true });
  };
  await answers(port, START_TIMEOUT_MS).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url: `redis://127.0.0.1:${port}`, port, pid: child.pid, stop };
}

/** Also a stopped process (SIGSTOP) ends by SIGKILL, and by no other signal. */
async function killed(child: ChildProcess): Promise<void> {
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
  await answers(port, DOCKER_START_TIMEOUT_MS);
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) spawnSync('docker', ['kill', name], { stdio: 'ignore' });
    isStopped = true;
  };
  return { url: `redis://127.0.0.1:${port}`, port, pid: undefined, stop };
}

async function answers(port: number, timeoutMs: number): Promise<void> {
  const givenUpAt = performance.now() + timeoutMs;
  while (!(await isAnswering(port))) {
    if (performance.now() > givenUpAt) throw new Error(`Redis on port ${port} did not answer within ${timeoutMs} ms`);
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

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function readEnvironment(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}
