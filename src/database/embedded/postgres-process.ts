import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import type { Logger } from '../../interfaces/logger.ts';
import { openNewFile, readOwnFile } from './owned-files.ts';
import { POSTGRES_ENVIRONMENT, type PostgresLocation } from './postgres-location.ts';
import { readProcessCommand } from './process-info.ts';

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const POLL_INTERVAL_MS = 20;
const MAX_START_ATTEMPTS = 5;
/** Multiplied by the number of the failed attempt. */
const RETRY_DELAY_MS = 200;

/**
 * Start failures that pass: another program has taken the port since it was found free, or the last backends of a
 * killed Postgres are still exiting.
 */
const TEMPORARY_FAILURE = /could not bind|Address already in use|shared memory block .* still in use/;

/** States in postmaster.pid in which Postgres accepts connections: for all statements, or as a standby for reading. */
const ACCEPTING_STATES = ['ready', 'standby'];

export interface PostgresProcess {
  readonly child: ChildProcess;
  readonly host: string;
  readonly port: number;
}

/** Starts Postgres on a free port and waits until it accepts connections. Throws with the output of Postgres. */
export async function startPostgres(
  location: PostgresLocation,
  settings: Readonly<Record<string, string>>,
): Promise<PostgresProcess> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await getPort({ host: HOST, reserve: true });
    const child = await spawnPostgres(location, port, settings);
    const failure = await waitUntilReady(location, child);
    if (failure === undefined) return { child, host: HOST, port };
    if (!TEMPORARY_FAILURE.test(failure) || attempt === MAX_START_ATTEMPTS) {
      throw new Error(`embedded Postgres did not start: ${failure}`);
    }
    await sleep(RETRY_DELAY_MS * attempt);
  }
}

/** Shuts Postgres down: "fast" (ends sessions, writes everything, exits), and "immediate" after a timeout. */
export async function stopPostgres(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGINT');
  const timeout = setTimeout(() => child.kill('SIGQUIT'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timeout);
}

/**
 * Stops a Postgres that runs on this folder although no Weir holds the folder's lock: its Weir was killed. Call it only
 * with the lock.
 */
export async function stopOrphan({ clusterFolder, pidFile }: PostgresLocation, log: Logger): Promise<void> {
  const [pidLine] = await readLines(pidFile);
  const pid = Number(pidLine);
  if (!Number.isInteger(pid) || pid <= 1) return;
  // Another program may have the pid by now.
  const isRunning = async () => (await readProcessCommand(pid))?.includes(`-D ${clusterFolder} `) === true;
  if (!(await isRunning())) return;
  log.warn({ pid }, 'stopping the embedded Postgres of a Weir process that was killed');
  process.kill(pid, 'SIGINT');
  for (let waitedMs = 0; await isRunning(); waitedMs += POLL_INTERVAL_MS) {
    if (waitedMs >= STOP_TIMEOUT_MS) {
      throw new Error(`the embedded Postgres of a killed Weir process does not stop (process ${pid})`);
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

async function spawnPostgres(
  { binaries, clusterFolder, folder, logFile, owner }: PostgresLocation,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const parameters = { listen_addresses: HOST, unix_socket_directories: '', ...settings };
  const flags = Object.entries(parameters).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const output = await openNewFile(logFile);
  try {
    const child = spawn(path.join(binaries, 'postgres'), ['-D', clusterFolder, '-p', String(port), ...flags], {
      ...owner,
      env: POSTGRES_ENVIRONMENT,
      cwd: folder,
      stdio: ['ignore', output.fd, output.fd],
      // A process group of its own: Ctrl-C in a terminal reaches all of Weir's group, and Postgres must outlive the
      // drain.
      detached: true,
    });
    await once(child, 'spawn'); // rejects if it cannot be started
    return child;
  } finally {
    await output.close();
  }
}

/** Undefined once Postgres accepts connections, otherwise its last output. */
async function waitUntilReady(location: PostgresLocation, child: ChildProcess): Promise<string | undefined> {
  for (let waitedMs = 0; waitedMs < START_TIMEOUT_MS; waitedMs += POLL_INTERVAL_MS) {
    if (child.exitCode !== null || child.signalCode !== null) return readLastOutput(location);
    const { 0: pid, 7: state = '' } = await readLines(location.pidFile);
    if (pid === String(child.pid) && ACCEPTING_STATES.includes(state.trim())) return undefined;
    await sleep(POLL_INTERVAL_MS);
  }
  await stopPostgres(child);
  return `not ready after ${START_TIMEOUT_MS / 1000} s; ${await readLastOutput(location)}`;
}

async function readLastOutput({ logFile }: PostgresLocation): Promise<string> {
  return ((await readOwnFile(logFile)) ?? '').trim().split('\n').slice(-5).join('; ');
}

/** One empty line if there is no such file. */
async function readLines(file: string): Promise<readonly string[]> {
  return ((await readOwnFile(file)) ?? '').split('\n');
}
